#include "client/upscale_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cascade {
namespace {

using ::testing::HasSubstr;

// What the command complains of, before it asks any server.
std::string Complaint(const std::string& flags) {
  CLI::App app;
  const UpscaleCommand command(app);
  app.parse("upscale --json " + flags);
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(command.Run(), kExitUsage);
  return ::testing::internal::GetCapturedStderr();
}

TEST(UpscaleCommandTest, SeveralStatesDoNotShareSeeds) {
  for (const char* flags : {"--seed 5", "--count 4"}) {
    EXPECT_THAT(Complaint(std::string("--state no.1 no.2 ") + flags),
                HasSubstr("take one --state"))
        << flags;
    EXPECT_THAT(Complaint(std::string("--state no.1 ") + flags),
                HasSubstr("no.1: cannot be read"))
        << flags;
  }
  EXPECT_THAT(Complaint("--state no.1 no.2 --count 1"),
              HasSubstr("no.1: cannot be read"));
}

TEST(UpscaleCommandTest, AValueForEachStageOfAnImageNeedsTheFirstStage) {
  const std::string image = "--cascade digits --image no.png ";
  EXPECT_THAT(Complaint(image + "--steps 10,5"),
              HasSubstr("--first-stage is required"));
  for (const char* flags : {"--steps 10,5 --first-stage 1", "--steps 10"}) {
    EXPECT_THAT(Complaint(image + flags), HasSubstr("no.png: cannot be read"))
        << flags;
  }
}

}  // namespace
}  // namespace cascade
