#pragma once

#include <civetweb.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/base/mutex.h"

namespace cascade {

// The HTTP port for machines that look after the server. GET or HEAD:
//
//   /healthz  200 while the process lives; 503 while a lane makes no progress
//   /readyz   200 while it serves; 503 while it loads or drains
//   /metrics  200, Prometheus' text format
//
// Thread-safe.
class HttpPort {
 public:
  // Called on the port's threads, several at a time.
  struct Answers {
    std::function<bool()> is_alive;
    std::function<bool()> is_ready;
    std::function<std::string()> metrics;
  };

  // Listens on HOST:PORT; port 0 takes a free one. INVALID_ARGUMENT for what is
  // no such address, UNAVAILABLE when it cannot be had.
  static absl::StatusOr<std::unique_ptr<HttpPort>> Create(
      const std::string& listen, Answers answers);
  // Stops listening and waits for the requests in progress: up to two seconds,
  // the tick of civetweb's listener.
  ~HttpPort();
  HttpPort(const HttpPort&) = delete;
  HttpPort& operator=(const HttpPort&) = delete;

  // HOST:PORT, with the port that was taken.
  const std::string& address() const { return address_; }

 private:
  explicit HttpPort(Answers answers) : answers_(std::move(answers)) {}

  // civetweb's callbacks; `port` is the HttpPort.
  static int Handle(mg_connection* connection, void* port);
  static int KeepMessage(const mg_connection* connection, const char* message);

  absl::Status Start(const std::string& listen);

  // Constant after Create().
  const Answers answers_;
  std::string address_;
  mg_context* context_ = nullptr;

  Mutex mutex_;
  // What civetweb said last outside of a request.
  std::string message_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cascade
