#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/bench_report.h"
#include "client/exit_code.h"
#include "client/load_flags.h"
#include "client/load_plan.h"
#include "client/load_session.h"
#include "client/request_flags.h"

namespace cascade {

// `cascade bench`: loads a server with clients in a closed loop, or with
// requests at a rate, and reports what came of it. Every reply is checked.
class BenchCommand {
 public:
  explicit BenchCommand(CLI::App& app);

  bool chosen() const { return command_->parsed(); }
  ExitCode Run() const;

 private:
  absl::StatusOr<LoadPlan> MakePlan(const LoadSettings& settings,
                                    const v1::Cascade& cascade) const;
  LoadSession::Channels MakeChannels() const;
  // Blocks until `count` requests (0: no limit) from `first_index` on are done.
  void Load(LoadSession& session, const LoadSettings& settings,
            int64_t first_index, int64_t count, absl::Duration duration) const;
  // Sends what does not count.
  void WarmUp(LoadSession& session, const LoadSettings& settings) const;
  BenchRun Measure(LoadSession& session, const LoadSettings& settings,
                   const v1::Cascade& cascade) const;
  ExitCode Print(const BenchRun& run) const;

  CLI::App* const command_;
  std::string server_;
  RequestFlags request_;
  LoadFlags load_;
  std::string mix_;
  std::string deadline_;
  std::string tenant_;
  std::string plot_;
  bool json_ = false;
};

}  // namespace cascade
