// What recording costs. The real scheduler and lanes run over scripted
// executors, whose steps take no time; every other round records each thing
// many times more, by the same calls at the same places. The difference is the
// cost of the recordings, which no server can be built without.

#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "models/cascade_model.h"
#include "models/stage_executor.h"
#include "server/metrics/metrics.h"
#include "tests/support/scripted_cascade.h"
#include "tests/support/scripted_engine.h"
#include "tests/support/stream_reader.h"

namespace cascade {
namespace {

constexpr int kImages = 4;  // Of each request, in one batch.
constexpr int kStages = 3;
constexpr int kSteps = 4;      // Of each stage.
constexpr int kRequests = 50;  // Of each round.
constexpr int kRepeats = 50;   // Of each recording, in every other round.
// The fastest step that is worth a bucket, and one of the digits' base.
constexpr double kFastStep = 250e-6;
constexpr double kDigitsStep = 4e-3;

// What is recorded once more, this often.
struct Repeater {
  Metrics metrics{"bench"};
  // Changed while no request runs.
  int repeats = 0;

  template <typename Record>
  void Repeat(Record record) {
    for (int i = 0; i < repeats; ++i) record();
  }
};

// An executor whose steps are recorded as StageRunner and EffectRunner do.
class RecordedExecutor : public StageExecutor {
 public:
  RecordedExecutor(std::unique_ptr<StageExecutor> executor, Repeater& repeater)
      : executor_(std::move(executor)),
        repeater_(repeater),
        stage_(repeater.metrics.Stage("bench", spec().name)),
        tenant_(repeater.metrics.Tenant("default", "bench")) {}

  const StageSpec& spec() const override { return executor_->spec(); }
  const ExecutorLimits& limits() const override { return executor_->limits(); }

  absl::StatusOr<std::vector<Slot>> Admit(
      std::span<const ImagePlan> plans) override {
    repeater_.Repeat([&] {
      for (size_t i = 0; i < plans.size(); ++i) {
        stage_.RecordWait(absl::Milliseconds(1));
      }
    });
    return executor_->Admit(plans);
  }
  absl::StatusOr<Ticket> Enqueue(std::span<const StepRow> rows) override {
    rows_ = static_cast<int>(rows.size());
    return executor_->Enqueue(rows);
  }
  absl::StatusOr<StepOutcome> Wait(Ticket ticket) override {
    repeater_.Repeat([&] {
      stage_.RecordStep({.rows = rows_,
                         .images = rows_,
                         .device_time = absl::Milliseconds(1)});
      for (int i = 0; i < rows_; ++i) {
        tenant_.RecordDeviceTime(absl::Milliseconds(1));
      }
    });
    return executor_->Wait(ticket);
  }
  absl::StatusOr<std::shared_ptr<const StageOutput>> Export(
      Slot slot) override {
    return executor_->Export(slot);
  }
  absl::StatusOr<std::shared_ptr<const ParkedImage>> Park(Slot slot) override {
    return executor_->Park(slot);
  }
  void Release(std::span<const Slot> slots) override {
    repeater_.Repeat([&] {
      for (size_t i = 0; i < slots.size(); ++i) {
        stage_.RecordImage(absl::Milliseconds(1));
      }
    });
    executor_->Release(slots);
  }

 private:
  const std::unique_ptr<StageExecutor> executor_;
  Repeater& repeater_;
  StageMetrics& stage_;
  TenantMetrics& tenant_;
  int rows_ = 0;  // Of the step under way.
};

class RecordedCascade : public CascadeModel {
 public:
  explicit RecordedCascade(Repeater& repeater)
      : repeater_(repeater),
        cascade_("bench",
                 {{.resolution = 8}, {.resolution = 16}, {.resolution = 32}}) {}

  const CascadeSpec& spec() const override { return cascade_.spec(); }
  absl::StatusOr<std::unique_ptr<StageExecutor>> MakeExecutor(
      int stage_index, const std::string& device) const override {
    auto executor = cascade_.MakeExecutor(stage_index, device);
    if (!executor.ok()) return executor.status();
    return std::make_unique<RecordedExecutor>(*std::move(executor), repeater_);
  }

 private:
  Repeater& repeater_;
  const ScriptedCascade cascade_;
};

double CpuSeconds() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) +
           static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// The CPU time of some requests, one after the other.
double RunRequests(ScriptedEngine& engine, const CascadeSpec& spec,
                   Repeater& repeater, benchmark::State& state) {
  const double start = CpuSeconds();
  for (uint64_t seed = 0; seed < kRequests; ++seed) {
    auto admitted = engine.scheduler().Submit(MakeRequest(spec, seed, kImages));
    if (!admitted.ok() || !StreamReader(admitted->events).ReadAll().ok()) {
      state.SkipWithError("a request failed");
    }
    repeater.Repeat([&] {
      repeater.metrics.RecordJob({.cascade = "bench",
                                  .status = absl::OkStatus(),
                                  .images = kImages,
                                  .queued = absl::Milliseconds(1),
                                  .total = absl::Milliseconds(1)});
    });
  }
  return CpuSeconds() - start;
}

void RecordingByStep(benchmark::State& state) {
  Repeater repeater;
  const RecordedCascade cascade(repeater);
  Scheduler::Options options;
  options.num_lanes = 1;
  ScriptedEngine engine({&cascade}, options);
  double plain = 0;
  double repeated = 0;
  for (auto _ : state) {
    repeater.repeats = 0;
    plain += RunRequests(engine, cascade.spec(), repeater, state);
    repeater.repeats = kRepeats;
    repeated += RunRequests(engine, cascade.spec(), repeater, state);
  }
  const double steps =
      static_cast<double>(state.iterations()) * kRequests * kStages * kSteps;
  const double server = plain / steps;
  const double recording = (repeated - plain) / (steps * kRepeats);
  state.counters["recording_ns"] = recording * 1e9;
  state.counters["server_us"] = server * 1e6;
  // Of the CPU time of such a step on a CPU, and so of the throughput.
  state.counters["percent_of_250us"] = 100 * recording / (server + kFastStep);
  state.counters["percent_of_4ms"] = 100 * recording / (server + kDigitsStep);
}
BENCHMARK(RecordingByStep)->Unit(benchmark::kMillisecond);

// /metrics of a server with this many cascades of three stages.
void Scrape(benchmark::State& state) {
  Metrics metrics("bench");
  for (int64_t i = 0; i < state.range(0); ++i) {
    const std::string cascade = "cascade" + std::to_string(i);
    metrics.AddCascade(cascade);
    for (const char* stage : {"8x8", "16x16", "32x32"}) {
      metrics.Stage(cascade, stage);
    }
  }
  for (auto _ : state) benchmark::DoNotOptimize(metrics.Text());
}
BENCHMARK(Scrape)->Arg(1)->Arg(8)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace cascade

BENCHMARK_MAIN();
