#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/load_arrivals.h"

namespace cascade {

// How a load is sent, read from its flags.
struct LoadSettings {
  ArrivalKind arrivals = ArrivalKind::kPoisson;
  int64_t requests = 0;  // 0: no limit.
  absl::Duration duration = absl::InfiniteDuration();
  absl::Duration read_delay = absl::ZeroDuration();
  double cancelled_share = 0;
  double slow_reader_share = 0;
  std::optional<absl::Duration> goal;
};

// The flags of `bench` that say how requests are sent, as they were typed.
struct LoadFlags {
  int clients = 1;
  double rate = 0;  // 0: a closed loop.
  std::string arrivals = "poisson";
  int max_outstanding = 1024;
  int64_t requests = 0;
  std::string duration;
  int64_t warmup = 0;
  std::string cancel = "0%";
  std::string slow_readers = "0%";
  std::string read_delay = "1s";
  std::string goal;

  void AddTo(CLI::App& command);

  // INVALID_ARGUMENT, naming the flag, for what cannot be read. Without a limit
  // there are 100 requests.
  absl::StatusOr<LoadSettings> Parse() const;
};

}  // namespace cascade
