#include "client/load_session.h"

#include <utility>

namespace cascade {
namespace {

// How fast the expected latency follows the load.
constexpr double kNewestShare = 0.1;

}  // namespace

LoadSession::LoadSession(const LoadPlan& plan, const Channels& channels,
                         absl::Duration read_delay)
    : plan_(plan),
      read_delay_(read_delay),
      expected_seconds_(plan.entries().size()) {
  for (const auto& channel : channels) {
    stubs_.push_back(v1::ImageGenerationService::NewStub(channel));
  }
}

LoadSession::~LoadSession() { WaitUntilIdle(); }

void LoadSession::Send(PlannedRequest planned, absl::Time due, size_t channel,
                       std::function<void()> on_done) {
  LoadCall::Options options;
  options.due = due;
  options.cancel_time = BeginCall(planned, due);
  if (planned.reads_slowly) options.read_delay = read_delay_;
  const LoadEntry& entry = plan_.entries()[planned.entry];
  LoadCall::Start(*stubs_[channel % stubs_.size()], timer_, entry,
                  std::move(planned), options,
                  [this, done = std::move(on_done)](LoadReply reply) {
                    Keep(std::move(reply));
                    done();
                    EndCall();  // Last: the session may end now.
                  });
}

void LoadSession::Skip(const PlannedRequest& planned, absl::Time due) {
  LoadReply reply;
  reply.entry = planned.entry;
  reply.due = due;
  reply.outcome = LoadOutcome::kNotSent;
  Keep(std::move(reply));
}

int LoadSession::outstanding() const {
  absl::MutexLock lock(&mutex_);
  return outstanding_;
}

void LoadSession::WaitUntilIdle() {
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(
      +[](int* outstanding) { return *outstanding == 0; }, &outstanding_));
}

std::vector<LoadReply> LoadSession::TakeReplies() {
  absl::MutexLock lock(&mutex_);
  return std::exchange(replies_, {});
}

absl::Time LoadSession::BeginCall(const PlannedRequest& planned,
                                  absl::Time due) {
  absl::MutexLock lock(&mutex_);
  ++outstanding_;
  if (!planned.cancel_after.has_value()) return absl::InfiniteFuture();
  return due + absl::Seconds(*planned.cancel_after *
                             expected_seconds_[planned.entry]);
}

void LoadSession::Keep(LoadReply reply) {
  absl::MutexLock lock(&mutex_);
  if (reply.outcome == LoadOutcome::kOk && !reply.reads_slowly) {
    double& expected = expected_seconds_[reply.entry];
    expected = expected == 0
                   ? reply.latency
                   : expected + kNewestShare * (reply.latency - expected);
  }
  replies_.push_back(std::move(reply));
}

void LoadSession::EndCall() {
  absl::MutexLock lock(&mutex_);
  --outstanding_;
}

}  // namespace cascade
