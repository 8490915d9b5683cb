#include "client/load_plan.h"

#include <algorithm>
#include <random>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

// A class's name may have commas of its own.
std::vector<std::string> ClassChoices(const std::string& text,
                                      const v1::Cascade& cascade) {
  const auto& names = cascade.class_names();
  if (std::find(names.begin(), names.end(), text) != names.end()) return {text};
  std::vector<std::string> choices = absl::StrSplit(text, ',');
  for (std::string& choice : choices) absl::StripAsciiWhitespace(&choice);
  return choices;
}

// One request for each class of `flags`.
absl::StatusOr<std::vector<v1::GenerateImageRequest>> RequestsByClass(
    RequestFlags flags, const v1::Cascade& cascade) {
  const std::string classes = std::exchange(flags.class_choice, "");
  std::vector<v1::GenerateImageRequest> requests;
  if (classes == "random" && cascade.num_classes() > 0) {
    ASSIGN_OR_RETURN(const auto request, flags.ToRequest(cascade));
    requests.assign(static_cast<size_t>(cascade.num_classes()), request);
    for (size_t i = 0; i < requests.size(); ++i) {
      requests[i].set_class_id(static_cast<int>(i));
    }
    return requests;
  }
  const auto choices = classes == "random" ? std::vector<std::string>{""}
                                           : ClassChoices(classes, cascade);
  for (const std::string& choice : choices) {
    flags.class_choice = choice;
    ASSIGN_OR_RETURN(requests.emplace_back(), flags.ToRequest(cascade));
  }
  return requests;
}

uint64_t ImageCount(const LoadEntry& entry) {
  const v1::GenerateImageRequest& request = entry.requests[0];
  if (!request.has_image_count()) return 1;
  return static_cast<uint64_t>(std::max(1, request.image_count()));
}

std::mt19937_64 RandomOf(uint64_t seed, int64_t index) {
  const auto number = static_cast<uint64_t>(index);
  std::seed_seq sequence{seed & 0xffffffff, seed >> 32, number & 0xffffffff,
                         number >> 32};
  return std::mt19937_64(sequence);
}

}  // namespace

absl::StatusOr<LoadEntry> MakeLoadEntry(const MixEntry& mix,
                                        const v1::Cascade& cascade) {
  LoadEntry entry;
  entry.name = mix.name;
  entry.weight = mix.weight;
  entry.tenant = mix.tenant;
  if (!mix.deadline.empty()) {
    ASSIGN_OR_RETURN(entry.deadline,
                     ParseDurationFlag("--deadline", mix.deadline));
  }
  ASSIGN_OR_RETURN(entry.requests, RequestsByClass(mix.flags, cascade));
  entry.target_stage = TargetStage(entry.requests[0], cascade);
  return entry;
}

LoadPlan::LoadPlan(std::vector<LoadEntry> entries, const Options& options)
    : entries_(std::move(entries)), options_(options) {
  for (const LoadEntry& entry : entries_) {
    seeds_per_request_ = std::max(seeds_per_request_, ImageCount(entry));
    weights_.push_back(entry.weight);
  }
}

PlannedRequest LoadPlan::Request(int64_t index) const {
  std::mt19937_64 random = RandomOf(options_.seed, index);
  const auto chance = [&random] {
    return std::generate_canonical<double, 53>(random);
  };
  std::discrete_distribution<size_t> pick(weights_.begin(), weights_.end());
  PlannedRequest planned = Plain(pick(random), index);
  if (chance() < options_.cancelled_share) planned.cancel_after = chance();
  planned.reads_slowly = chance() < options_.slow_reader_share;
  return planned;
}

PlannedRequest LoadPlan::Plain(size_t entry, int64_t index) const {
  std::mt19937_64 random = RandomOf(~options_.seed, index);
  const auto& requests = entries_[entry].requests;
  std::uniform_int_distribution<size_t> pick(0, requests.size() - 1);
  PlannedRequest planned;
  planned.entry = entry;
  planned.request = requests[pick(random)];
  planned.request.set_seed(options_.seed +
                           static_cast<uint64_t>(index) * seeds_per_request_);
  return planned;
}

}  // namespace cascade
