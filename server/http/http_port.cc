#include "server/http/http_port.h"

#include <string_view>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/http/thread_stacks.h"

namespace cascade {
namespace {

constexpr char kText[] = "text/plain; charset=utf-8";
constexpr char kPrometheusText[] = "text/plain; version=0.0.4; charset=utf-8";

struct Answer {
  int code = 200;
  const char* type = kText;
  std::string body;
};

// The host of "HOST:PORT", or an error.
absl::StatusOr<std::string> HostOf(const std::string& listen) {
  const size_t colon = listen.rfind(':');
  int port = -1;
  const bool is_address = colon != std::string::npos && colon > 0 &&
                          absl::SimpleAtoi(listen.substr(colon + 1), &port) &&
                          port >= 0 && port <= 65535 &&
                          listen.find_first_of(", ") == std::string::npos;
  if (is_address) return listen.substr(0, colon);
  return absl::InvalidArgumentError(
      absl::StrCat("'", listen, "' is not HOST:PORT"));
}

const char* Phrase(int code) {
  switch (code) {
    case 200:
      return "OK";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    default:
      return "Service Unavailable";
  }
}

void Write(mg_connection* connection, const Answer& answer, bool with_body) {
  const std::string head =
      absl::StrCat("HTTP/1.1 ", answer.code, " ", Phrase(answer.code),
                   "\r\nContent-Type: ", answer.type,
                   "\r\nContent-Length: ", answer.body.size(),
                   answer.code == 405 ? "\r\nAllow: GET, HEAD" : "",
                   "\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n");
  mg_write(connection, head.data(), head.size());
  if (with_body) mg_write(connection, answer.body.data(), answer.body.size());
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpPort>> HttpPort::Create(
    const std::string& listen, Answers answers) {
  std::unique_ptr<HttpPort> port(new HttpPort(std::move(answers)));
  RETURN_IF_ERROR(port->Start(listen));
  return port;
}

HttpPort::~HttpPort() {
  if (context_ != nullptr) mg_stop(context_);
}

absl::Status HttpPort::Start(const std::string& listen) {
  ASSIGN_OR_RETURN(const std::string host, HostOf(listen));
  const char* options[] = {"listening_ports",
                           listen.c_str(),
                           "num_threads",
                           "4",
                           "request_timeout_ms",
                           "10000",
                           "enable_keep_alive",
                           "no",
                           nullptr};
  mg_callbacks callbacks = {};
  callbacks.log_message = KeepMessage;
  mg_init_data init = {.callbacks = &callbacks,
                       .user_data = this,
                       .configuration_options = options};
  unsigned code = 0;
  char text[256] = "";
  mg_error_data error = {
      .code = &code, .text = text, .text_buffer_size = sizeof(text)};
  KeepThreadLocalsOutOfStackSizes();
  context_ = mg_start2(&init, &error);
  if (context_ == nullptr) {
    MutexLock lock(mutex_);
    return absl::UnavailableError(
        absl::StrCat("cannot listen on '", listen,
                     "': ", message_.empty() ? std::string(text) : message_));
  }
  mg_set_request_handler(context_, "/", Handle, this);
  mg_server_port port = {};
  mg_get_server_ports(context_, 1, &port);
  address_ = absl::StrCat(host, ":", port.port);
  return absl::OkStatus();
}

int HttpPort::KeepMessage(const mg_connection* connection,
                          const char* message) {
  const mg_context* context = mg_get_context(connection);
  if (context != nullptr && mg_get_request_info(connection) == nullptr) {
    HttpPort& self = *static_cast<HttpPort*>(mg_get_user_data(context));
    MutexLock lock(self.mutex_);
    self.message_ = message;
  }
  return 1;  // Handled: civetweb prints nothing.
}

int HttpPort::Handle(mg_connection* connection, void* port) {
  const HttpPort& self = *static_cast<HttpPort*>(port);
  const mg_request_info* request = mg_get_request_info(connection);
  const std::string_view method = request->request_method;
  const std::string_view path = request->local_uri;
  Answer answer;
  if (method != "GET" && method != "HEAD") {
    answer = {.code = 405, .body = "only GET and HEAD\n"};
  } else if (path == "/healthz") {
    const bool is_alive = self.answers_.is_alive();
    answer = {.code = is_alive ? 200 : 503,
              .body = is_alive ? "ok\n" : "a lane makes no progress\n"};
  } else if (path == "/readyz") {
    const bool is_ready = self.answers_.is_ready();
    answer = {.code = is_ready ? 200 : 503,
              .body = is_ready ? "ready\n" : "not ready\n"};
  } else if (path == "/metrics") {
    answer = {.type = kPrometheusText, .body = self.answers_.metrics()};
  } else {
    answer = {.code = 404, .body = "/healthz, /readyz, /metrics\n"};
  }
  Write(connection, answer, /*with_body=*/method != "HEAD");
  return answer.code;
}

}  // namespace cascade
