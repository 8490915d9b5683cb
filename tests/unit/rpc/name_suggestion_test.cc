#include "server/rpc/name_suggestion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace cascade {
namespace {

using ::testing::HasSubstr;

TEST(NameSuggestionTest, ListsAFewNames) {
  const std::vector<std::string> names = {"cat", "dog"};
  EXPECT_EQ(SuggestNames("cow", names), "one of cat, dog");
}

TEST(NameSuggestionTest, SaysThatThereAreNone) {
  EXPECT_EQ(SuggestNames("cow", {}), "there are none");
}

TEST(NameSuggestionTest, OfManyNamesItTellsTheMostAlike) {
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back(absl::StrCat("name", i));
  names.push_back("Golden Retriever");
  EXPECT_THAT(SuggestNames("golden retreiver", names),
              HasSubstr("such as Golden Retriever"));
  EXPECT_THAT(SuggestNames("retriever", names),
              HasSubstr("such as Golden Retriever"));
}

TEST(NameSuggestionTest, QuotesWhatCameFromOutside) {
  EXPECT_EQ(Quoted("a\nb"), "'a\\nb'");
  EXPECT_LT(Quoted(std::string(1000, 'x')).size(), 80u);
}

}  // namespace
}  // namespace cascade
