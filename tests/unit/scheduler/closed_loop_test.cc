// What the real scheduler makes of many clients, in virtual time: steps take
// what their batch curve says, and each client asks again when it is served.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "tests/support/virtual_server.h"

namespace cascade {
namespace {

constexpr int kSteps = 10;

struct Figures {
  double images_per_second = 0;
  double mean_latency = 0;  // Seconds.
  double max_latency = 0;
};

class ClosedLoop {
 public:
  ClosedLoop(int num_clients, int num_lanes)
      : num_clients_(num_clients), server_(Lanes(num_lanes)) {}

  Figures Run(int num_images) {
    const absl::Time start = server_.Now();
    for (int i = 0; i < num_clients_; ++i) Submit();
    while (static_cast<int>(latencies_.size()) < num_images) {
      for (const JobId job : server_.Run()) {
        latencies_.push_back(
            absl::ToDoubleSeconds(server_.Now() - began_[job]));
        Submit();
      }
    }
    Figures figures;
    figures.images_per_second = static_cast<double>(latencies_.size()) /
                                absl::ToDoubleSeconds(server_.Now() - start);
    for (const double latency : latencies_) {
      figures.mean_latency += latency / static_cast<double>(latencies_.size());
      figures.max_latency = std::max(figures.max_latency, latency);
    }
    return figures;
  }

 private:
  static Scheduler::Options Lanes(int num_lanes) {
    Scheduler::Options options;
    options.num_lanes = num_lanes;
    return options;
  }

  void Submit() {
    const auto admitted = server_.scheduler().Submit(server_.Request(kSteps));
    began_[admitted->id] = server_.Now();
  }

  const int num_clients_;
  VirtualServer server_;
  std::map<JobId, absl::Time> began_;
  std::vector<double> latencies_;
};

TEST(ClosedLoopTest, ALoneClientSeesNothingButItsSteps) {
  const Figures figures = ClosedLoop(1, 2).Run(20);
  EXPECT_NEAR(figures.max_latency, kSteps * (.004 + .006 + .010), 1e-6);
}

TEST(ClosedLoopTest, TwoClientsHaveALaneEach) {
  const Figures figures = ClosedLoop(2, 2).Run(40);
  EXPECT_NEAR(figures.max_latency, kSteps * (.004 + .006 + .010), 1e-6);
}

TEST(ClosedLoopTest, ManyClientsComeCloseToTheBestBatches) {
  const double best = 2 / (kSteps * (.028 + .079 + .220) / 32);
  EXPECT_GT(ClosedLoop(32, 2).Run(500).images_per_second, 0.9 * best);
  EXPECT_GT(ClosedLoop(64, 2).Run(800).images_per_second, 0.92 * best);
}

TEST(ClosedLoopTest, MoreClientsNeverCostMuchThroughput) {
  double best = 0;
  for (const int clients : {1, 2, 4, 8, 16, 32, 64}) {
    const double rate = ClosedLoop(clients, 2).Run(200).images_per_second;
    EXPECT_GT(rate, 0.85 * best) << clients << " clients";
    best = std::max(best, rate);
  }
}

TEST(ClosedLoopTest, NobodyIsLeftBehind) {
  const Figures figures = ClosedLoop(32, 2).Run(600);
  EXPECT_LT(figures.max_latency, 3 * figures.mean_latency);
}

}  // namespace
}  // namespace cascade
