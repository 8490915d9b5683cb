#include "client/stream_join.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cascade {
namespace {

v1::GenerateImageResponse Queued() {
  v1::GenerateImageResponse event;
  event.mutable_queued();
  return event;
}

v1::GenerateImageResponse Started(int image, int stage) {
  v1::GenerateImageResponse event;
  event.mutable_stage_started()->set_image_index(image);
  event.mutable_stage_started()->set_stage(stage);
  return event;
}

v1::GenerateImageResponse Preview(int image, int stage, int steps_done) {
  v1::GenerateImageResponse event;
  event.mutable_preview()->set_image_index(image);
  event.mutable_preview()->set_stage(stage);
  event.mutable_preview()->set_steps_done(steps_done);
  return event;
}

v1::GenerateImageResponse Picture(int image, int stage, const char* bytes) {
  v1::GenerateImageResponse event;
  event.mutable_stage_image()->set_image_index(image);
  event.mutable_stage_image()->set_stage(stage);
  event.mutable_stage_image()->mutable_image()->set_data(bytes);
  return event;
}

TEST(StreamJoinTest, OneStreamPassesWhole) {
  StreamJoin join;
  EXPECT_FALSE(join.has_begun());
  v1::GenerateImageResponse finished;
  finished.mutable_finished();
  for (const auto& event :
       {Queued(), Started(0, 0), Started(1, 0), Preview(0, 0, 4),
        Preview(0, 0, 8), Picture(0, 0, "a"), Picture(1, 0, "b"), Started(0, 1),
        Picture(0, 1, "c"), finished}) {
    EXPECT_FALSE(join.has_finished());
    EXPECT_TRUE(*join.Take(event)) << event.ShortDebugString();
    EXPECT_TRUE(join.has_begun());
  }
  EXPECT_TRUE(join.has_finished());
}

TEST(StreamJoinTest, WhatWasSeenIsLeftOut) {
  StreamJoin join;
  for (const auto& event : {Queued(), Started(0, 0), Preview(0, 0, 4),
                            Picture(0, 0, "a"), Started(0, 1)}) {
    ASSERT_TRUE(*join.Take(event));
  }
  // The stream of another server.
  for (const auto& event :
       {Queued(), Started(0, 0), Preview(0, 0, 2), Preview(0, 0, 4),
        Preview(0, 0, 6), Picture(0, 0, "a"), Started(0, 1)}) {
    EXPECT_FALSE(*join.Take(event)) << event.ShortDebugString();
  }
  EXPECT_TRUE(*join.Take(Preview(0, 1, 2)));
  EXPECT_TRUE(*join.Take(Picture(0, 1, "b")));
  EXPECT_TRUE(*join.Take(Started(1, 0)));
}

TEST(StreamJoinTest, OtherBytesEndIt) {
  StreamJoin join;
  ASSERT_TRUE(*join.Take(Picture(2, 1, "a")));
  const absl::StatusOr<bool> taken = join.Take(Picture(2, 1, "b"));
  EXPECT_EQ(taken.status().code(), absl::StatusCode::kAborted);
  EXPECT_THAT(std::string(taken.status().message()),
              ::testing::HasSubstr("image 2"));
}

}  // namespace
}  // namespace cascade
