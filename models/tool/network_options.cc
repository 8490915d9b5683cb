#include "models/tool/network_options.h"

#include <utility>

#include "models/evaluation/classifier.h"
#include "models/evaluation/script_network.h"
#include "server/base/status_macros.h"

namespace cascade {

void NetworkOptions::AddTo(CLI::App& command) {
  command.add_option("--classifier", classifier,
                     "Features and classes of this file of train-classifier");
  command.add_option("--network", script,
                     "Features of this TorchScript file instead: its forward() "
                     "returns features, or features and logits; with an "
                     "argument return_features it is asked for both");
  command
      .add_option("--network_size", script_size,
                  "Height and width of its images; 0: as they come")
      ->check(CLI::Range(0, 4096))
      ->capture_default_str();
  command.add_option("--network_channels", script_channels, "1 or 3")
      ->check(CLI::IsMember({1, 3}))
      ->capture_default_str();
  command
      .add_option("--network_range", script_range,
                  "Its pixels: byte (uint8), unit (0 to 1) or signed (-1 to 1)")
      ->check(CLI::IsMember({"byte", "unit", "signed"}))
      ->capture_default_str();
}

absl::StatusOr<NetworkOptions::Loaded> NetworkOptions::Load() const {
  if (classifier.empty() == script.empty()) {
    return absl::InvalidArgumentError(
        "one of --classifier and --network must be given");
  }
  Loaded loaded;
  if (!classifier.empty()) {
    ASSIGN_OR_RETURN(std::unique_ptr<Classifier> network,
                     Classifier::Load(classifier));
    loaded.class_names = network->class_names();
    loaded.network = std::move(network);
    return loaded;
  }
  ScriptNetworkOptions options;
  options.size = script_size;
  options.channels = script_channels;
  options.range = script_range == "unit" ? ScriptNetworkOptions::Range::kUnit
                  : script_range == "signed"
                      ? ScriptNetworkOptions::Range::kSigned
                      : ScriptNetworkOptions::Range::kByte;
  ASSIGN_OR_RETURN(loaded.network, LoadScriptNetwork(script, options));
  return loaded;
}

}  // namespace cascade
