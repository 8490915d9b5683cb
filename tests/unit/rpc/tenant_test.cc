#include "server/rpc/tenant.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "server/base/error_reason.h"
#include "tests/support/status_matchers.h"

namespace cascade {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(TenantTest, IsWhatTheMetadataSays) {
  const absl::StatusOr<std::string> tenant =
      ReadTenant({{"user-agent", "x"}, {kTenantKey, "Acme, Inc."}});
  ASSERT_OK(tenant);
  EXPECT_EQ(*tenant, "Acme, Inc.");
}

TEST(TenantTest, IsEmptyWhereNoneIsNamed) {
  const absl::StatusOr<std::string> tenant = ReadTenant({{"user-agent", "x"}});
  ASSERT_OK(tenant);
  EXPECT_EQ(*tenant, "");
}

TEST(TenantTest, HasAtMostSixtyFourCharacters) {
  const std::string longest(64, 'x');
  EXPECT_OK(ReadTenant({{kTenantKey, longest}}));
  const std::string longer(65, 'x');
  const auto tenant = ReadTenant({{kTenantKey, longer}});
  EXPECT_THAT(tenant, HasReason(absl::StatusCode::kInvalidArgument,
                                std::string(kInvalidField)));
  EXPECT_THAT(FieldViolations(tenant.status()), SizeIs(1));
  EXPECT_EQ(FieldViolations(tenant.status())[0].field, "x-cascade-tenant");
  EXPECT_THAT(std::string(tenant.status().message()),
              HasSubstr("65 characters; at most 64"));
}

TEST(TenantTest, IsPrintable) {
  for (const char* wrong : {"a\nb", "a\x7f", "caf\xc3\xa9"}) {
    EXPECT_THAT(ReadTenant({{kTenantKey, wrong}}),
                HasCode(absl::StatusCode::kInvalidArgument))
        << wrong;
  }
}

TEST(TenantTest, IsNamedOnce) {
  const auto tenant = ReadTenant({{kTenantKey, "a"}, {kTenantKey, "b"}});
  EXPECT_THAT(tenant, HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(std::string(tenant.status().message()),
              HasSubstr("more than once"));
}

}  // namespace
}  // namespace cascade
