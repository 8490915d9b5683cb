#include <atomic>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>

#include "models/tool/commands.h"
#include "models/tool/exit_status.h"
#include "models/training/train_config.h"
#include "models/training/trainer.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

std::atomic<bool> stop_requested = false;

// A second signal ends the process at once.
void RequestStop(int signal) {
  stop_requested = true;
  std::signal(signal, SIG_DFL);
}

struct TrainArguments {
  std::string config;
  std::string output;
  std::string data;
  std::string test_data;
  std::string precision = "fp32";
  int steps = 0;
  TrainRun run;
  bool restart = false;
};

absl::Status RunTrain(const TrainArguments& arguments) {
  ASSIGN_OR_RETURN(TrainConfig config, ReadTrainConfig(arguments.config));
  if (!arguments.output.empty()) config.output = arguments.output;
  if (!arguments.data.empty()) config.train_folder = arguments.data;
  if (!arguments.test_data.empty()) config.test_folder = arguments.test_data;
  if (arguments.steps > 0) config.optimizer.steps = arguments.steps;
  TrainRun run = arguments.run;
  run.bfloat16 = arguments.precision == "bf16";
  run.resume = !arguments.restart;
  run.stop = &stop_requested;
  run.report = [](const std::string& line) {
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
  };
  std::signal(SIGINT, RequestStop);
  std::signal(SIGTERM, RequestStop);
  return Train(config, run);
}

}  // namespace

void AddTrainCommand(CLI::App& app) {
  auto arguments = std::make_shared<TrainArguments>();
  CLI::App* command = app.add_subcommand(
      "train",
      "Trains one stage as a JSON configuration says (its fields are described "
      "in models/README.md). Goes on from the checkpoint in the output folder "
      "if there is one, bit for bit. SIGINT and SIGTERM save and stop.");
  command->add_option("config", arguments->config, "The configuration file")
      ->required();
  command->add_option("--data", arguments->data,
                      "Image folder to train on, instead of data.train");
  command->add_option("--test_data", arguments->test_data,
                      "Image folder of the sample grids, instead of data.test");
  command->add_option("--output", arguments->output,
                      "Folder for checkpoints and sample grids, instead of the "
                      "configuration's");
  command
      ->add_option("--steps", arguments->steps,
                   "Steps of the whole training, instead of optimizer.steps")
      ->check(CLI::PositiveNumber);
  command
      ->add_option("--stop_after", arguments->run.stop_after,
                   "Save and stop when this many steps are done in all")
      ->check(CLI::PositiveNumber);
  command->add_option("--device", arguments->run.device, "cpu, cuda or cuda:N")
      ->capture_default_str();
  command
      ->add_option("--precision", arguments->precision,
                   "fp32, or bf16 for convolutions and matrix products "
                   "(weights, norms and loss stay fp32)")
      ->check(CLI::IsMember({"fp32", "bf16"}))
      ->capture_default_str();
  command
      ->add_option("--threads", arguments->run.threads,
                   "Intra-op threads on the CPU")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command->add_flag("--restart", arguments->restart,
                    "Start anew, although there is a checkpoint");
  command->callback([arguments] { ExitUnlessOk(RunTrain(*arguments)); });
}

}  // namespace cascade
