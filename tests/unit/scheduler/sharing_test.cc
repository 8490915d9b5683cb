// How the real scheduler shares its lanes between tenants and priorities, in
// virtual time: clients that each ask again when they are served.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/virtual_server.h"

namespace cascade {
namespace {

constexpr int kLanes = 2;

// Clients that all ask for the same.
struct Clients {
  int count = 1;
  int steps = 10;
  std::string tenant = {};
  Priority priority = Priority::kStandard;
};

struct Served {
  int images = 0;
  double mean_latency = 0;  // Seconds.
  double max_latency = 0;
};

class Sharing {
 public:
  Sharing(TenantTable tenants, std::vector<Clients> clients)
      : clients_(std::move(clients)), server_(Options(std::move(tenants))) {}

  // What each of the clients has had after so long.
  std::vector<Served> Run(absl::Duration duration) {
    std::vector<Served> served(clients_.size());
    const absl::Time end = server_.Now() + duration;
    for (size_t i = 0; i < clients_.size(); ++i) {
      for (int n = 0; n < clients_[i].count; ++n) Submit(i);
    }
    while (server_.Now() < end) {
      for (const JobId job : server_.Run(end)) {
        const Submitted submitted = submitted_.at(job);
        submitted_.erase(job);
        const double latency =
            absl::ToDoubleSeconds(server_.Now() - submitted.at);
        Served& of = served[submitted.clients];
        ++of.images;
        of.mean_latency += (latency - of.mean_latency) / of.images;
        of.max_latency = std::max(of.max_latency, latency);
        Submit(submitted.clients);
      }
    }
    return served;
  }

 private:
  struct Submitted {
    size_t clients = 0;
    absl::Time at;
  };

  static Scheduler::Options Options(TenantTable tenants) {
    Scheduler::Options options;
    options.num_lanes = kLanes;
    options.tenants = std::move(tenants);
    return options;
  }

  void Submit(size_t i) {
    GenerationRequest request = server_.Request(clients_[i].steps);
    request.tenant = clients_[i].tenant;
    request.priority = clients_[i].priority;
    const auto admitted = server_.scheduler().Submit(std::move(request));
    submitted_[admitted->id] = {i, server_.Now()};
  }

  const std::vector<Clients> clients_;
  VirtualServer server_;
  std::map<JobId, Submitted> submitted_;
};

TenantTable Weights(double a, double b) {
  return {.named = {{"a", {.weight = a}}, {"b", {.weight = b}}}};
}

TEST(SharingTest, TenantsGetDeviceTimeByWeight) {
  for (const double weight : {1.0, 3.0}) {
    // As many as keep full batches busy, of either tenant alone.
    Sharing sharing(Weights(1, weight), {{.count = 96, .tenant = "a"},
                                         {.count = 96, .tenant = "b"}});
    // Long enough for what is half done at the end not to count.
    const std::vector<Served> served = sharing.Run(absl::Seconds(100));
    const double ratio = static_cast<double>(served[1].images) /
                         static_cast<double>(served[0].images);
    EXPECT_NEAR(ratio, weight, 0.1 * weight);
  }
}

TEST(SharingTest, ManyClientsGiveATenantNoMore) {
  Sharing sharing(Weights(1, 1),
                  {{.count = 64, .tenant = "a"}, {.count = 8, .tenant = "b"}});
  const std::vector<Served> served = sharing.Run(absl::Seconds(30));
  EXPECT_NEAR(served[1].images, served[0].images, 0.1 * served[0].images);
}

TEST(SharingTest, LongRequestsGiveATenantNoMore) {
  Sharing sharing(Weights(1, 1), {{.count = 32, .steps = 100, .tenant = "a"},
                                  {.count = 32, .steps = 10, .tenant = "b"}});
  const std::vector<Served> served = sharing.Run(absl::Seconds(120));
  EXPECT_NEAR(served[1].images, 10 * served[0].images,
              0.15 * 10 * served[0].images);
}

TEST(SharingTest, InteractiveRequestsHardlyNoticeBatchOnes) {
  const Clients interactive = {.count = 2, .priority = Priority::kInteractive};
  const Served alone = Sharing({}, {interactive}).Run(absl::Seconds(30))[0];
  Sharing sharing(
      {},
      {interactive, {.count = 64, .steps = 100, .priority = Priority::kBatch}});
  const std::vector<Served> served = sharing.Run(absl::Seconds(30));
  EXPECT_LT(served[0].mean_latency, 2.5 * alone.mean_latency);
  EXPECT_LT(served[0].max_latency, 3.5 * alone.max_latency);
  EXPECT_GT(served[1].images, 0);
}

TEST(SharingTest, NoPriorityStarves) {
  Sharing sharing({}, {{.count = 64, .priority = Priority::kInteractive},
                       {.count = 8, .priority = Priority::kBatch}});
  const std::vector<Served> served = sharing.Run(absl::Seconds(60));
  EXPECT_GT(served[1].images, 0);
  EXPECT_LT(served[1].max_latency, 30);
}

}  // namespace
}  // namespace cascade
