#include "client/plain_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cascade {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(PlainViewTest, SaysWhenThereIsLessThanWasAskedFor) {
  constexpr char kNote[] = "less than was asked for";
  PlainView view({}, /*draw=*/false, {});
  v1::GenerateImageResponse event;
  v1::GenerationRecord& record = *event.mutable_finished()->mutable_record();
  const auto shown = [&] {
    ::testing::internal::CaptureStdout();
    view.Show(event, {});
    return ::testing::internal::GetCapturedStdout();
  };
  EXPECT_THAT(shown(), Not(HasSubstr(kNote)));
  record.set_reduced_for_deadline(true);
  EXPECT_THAT(shown(), HasSubstr(kNote));
}

}  // namespace
}  // namespace cascade
