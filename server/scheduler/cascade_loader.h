#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace cascade {

// A package to load, and what to call it.
struct CascadeSource {
  std::string name;
  std::string package;  // A folder.
  // Unset: as the server's option of the same name.
  std::optional<int> max_batch_rows = std::nullopt;
  std::optional<int> slots = std::nullopt;
  std::optional<int> max_queued_images = std::nullopt;
};

struct LoadOrder {
  CascadeSource source;
  // Takes the place of the version that has the name, if any.
  bool replace = false;
  // That version goes before the new one is loaded: for devices without room
  // for both.
  bool drain_first = false;
};

// A version of a cascade that is in memory.
struct LoadedVersion {
  std::string name;
  std::string package;
  std::string digest;
  int id = 0;            // Of this process, ascending.
  bool retired = false;  // Gets no new requests; its last ones run.
  absl::Time loaded_time;
};

// Loads and unloads cascades while the server serves: what the admin RPCs need.
class CascadeLoader {
 public:
  virtual ~CascadeLoader() = default;

  // Loads a package, warms it up, and serves it; what was admitted before goes
  // on with the version that it was admitted to. Blocks until that is gone, in
  // order to free its memory. On an error nothing has changed, except that
  // `drain_first` has unloaded the old version. One thread at a time.
  //
  // ALREADY_EXISTS for a name that is loaded, unless it is to be replaced;
  // RESOURCE_EXHAUSTED when it does not fit into memory; UNAVAILABLE when the
  // server drains or ended meanwhile; or what is wrong with the package.
  virtual absl::StatusOr<LoadedVersion> Load(const LoadOrder& order) = 0;

  // Unloads a cascade: new requests for it are NOT_FOUND at once. Blocks until
  // what was admitted has ended and its memory is free. NOT_FOUND,
  // UNAVAILABLE. One thread at a time.
  virtual absl::Status Unload(const std::string& name) = 0;

  // What is in memory, by name and age. Never blocks; any thread.
  virtual std::vector<LoadedVersion> ListVersions() const = 0;
};

}  // namespace cascade
