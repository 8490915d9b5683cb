#include "client/closed_loop.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <random>
#include <thread>
#include <utility>

#include "absl/random/random.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "client/image_client.h"
#include "client/reply_check.h"

namespace cascade {
namespace {

// Hands out the numbers of requests until there are enough of them, or it is
// late. Thread-safe.
class WorkList {
 public:
  // `count` 0: no limit.
  WorkList(int64_t count, absl::Time end) : count_(count), end_(end) {}

  std::optional<int64_t> Next() ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    if ((count_ > 0 && next_ >= count_) || absl::Now() >= end_) {
      return std::nullopt;
    }
    return next_++;
  }

 private:
  const int64_t count_;
  const absl::Time end_;

  absl::Mutex mutex_;
  int64_t next_ ABSL_GUARDED_BY(mutex_) = 0;
};

BenchReply SendOne(ImageClient& client, const v1::GenerateImageRequest& request,
                   int target_stage, absl::Duration deadline) {
  BenchReply reply;
  ReplyCheck check(request);
  const absl::Time start = absl::Now();
  const auto elapsed = [start] {
    return absl::ToDoubleSeconds(absl::Now() - start);
  };
  ImageClient::CallOptions options;
  options.deadline = start + deadline;
  reply.status = client.Generate(
      request, options, [&](const v1::GenerateImageResponse& event) {
        check.Add(event);
        if (event.has_preview() && !reply.first_preview.has_value()) {
          reply.first_preview = elapsed();
        }
        if (!event.has_stage_image()) return;
        if (!reply.first_image.has_value()) reply.first_image = elapsed();
        if (event.stage_image().stage() == target_stage) ++reply.images;
      });
  reply.latency = elapsed();
  reply.problems = check.Problems(reply.status.ok());
  return reply;
}

// The request of number `index`: its own seed, and a random class if asked for.
v1::GenerateImageRequest Vary(v1::GenerateImageRequest request, int64_t index,
                              int num_random_classes, uint64_t seed) {
  const uint64_t count =
      request.has_image_count()
          ? static_cast<uint64_t>(std::max(1, request.image_count()))
          : 1;
  request.set_seed(seed + static_cast<uint64_t>(index) * count);
  if (num_random_classes > 0) {
    std::seed_seq sequence{seed, static_cast<uint64_t>(index)};
    absl::BitGen random(sequence);
    request.set_class_id(absl::Uniform<int>(random, 0, num_random_classes));
  }
  return request;
}

}  // namespace

std::vector<BenchReply> ClosedLoop::Run(int64_t count,
                                        absl::Duration duration) const {
  std::vector<std::unique_ptr<ImageClient>> connections;
  for (int i = 0; i < clients; ++i) {
    ChannelOptions options;
    options.own_connection = true;
    connections.push_back(
        std::make_unique<ImageClient>(MakeChannel(server, options)));
  }
  WorkList work(count, absl::Now() + duration);
  std::vector<std::vector<BenchReply>> replies(connections.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < connections.size(); ++i) {
    threads.emplace_back([&, i] {
      while (const std::optional<int64_t> index = work.Next()) {
        replies[i].push_back(SendOne(
            *connections[i], Vary(request, *index, num_random_classes, seed),
            target_stage, deadline));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<BenchReply> all;
  for (std::vector<BenchReply>& some : replies) {
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace cascade
