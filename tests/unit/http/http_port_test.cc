#include "server/http/http_port.h"

#include <civetweb.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/numbers.h"
#include "server/base/mutex.h"
#include "tests/support/status_matchers.h"

namespace cascade {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// As much as CUDA's libraries have, and twice: glibc takes it off every
// thread's stack, and civetweb asks for small ones.
[[gnu::used]] thread_local char thread_locals[512 << 10];

// The answer to one request, head and body.
std::string Ask(const std::string& address, const std::string& request_line) {
  const size_t colon = address.rfind(':');
  int port = 0;
  EXPECT_TRUE(absl::SimpleAtoi(address.substr(colon + 1), &port));
  char error[256] = "";
  mg_connection* connection = mg_connect_client(
      address.substr(0, colon).c_str(), port, 0, error, sizeof(error));
  if (connection == nullptr) return error;
  mg_printf(connection, "%s HTTP/1.1\r\nHost: test\r\n\r\n",
            request_line.c_str());
  if (mg_get_response(connection, error, sizeof(error), 10000) < 0) {
    mg_close_connection(connection);
    return error;
  }
  std::string answer =
      std::to_string(mg_get_response_info(connection)->status_code) + " ";
  char buffer[1024];
  while (true) {
    const int count = mg_read(connection, buffer, sizeof(buffer));
    if (count <= 0) break;
    answer.append(buffer, static_cast<size_t>(count));
  }
  mg_close_connection(connection);
  return answer;
}

// One port for all tests: civetweb takes two seconds to stop.
class HttpPortTest : public ::testing::Test {
 protected:
  struct Readiness {
    Mutex mutex;
    bool is_alive ABSL_GUARDED_BY(mutex) = true;
    bool is_ready ABSL_GUARDED_BY(mutex) = false;
  };

  static void SetUpTestSuite() {
    readiness_ = new Readiness;
    const auto is_ready = [] {
      MutexLock lock(readiness_->mutex);
      return readiness_->is_ready;
    };
    const auto is_alive = [] {
      MutexLock lock(readiness_->mutex);
      return readiness_->is_alive;
    };
    absl::StatusOr<std::unique_ptr<HttpPort>> port = HttpPort::Create(
        "127.0.0.1:0", {.is_alive = is_alive,
                        .is_ready = is_ready,
                        .metrics = [] { return std::string("a_total 1\n"); }});
    ASSERT_OK(port);
    port_ = port->release();
  }
  static void TearDownTestSuite() {
    delete port_;
    delete readiness_;
  }
  static void SetAlive(bool alive) {
    MutexLock lock(readiness_->mutex);
    readiness_->is_alive = alive;
  }
  static void SetReady(bool ready) {
    MutexLock lock(readiness_->mutex);
    readiness_->is_ready = ready;
  }

  static Readiness* readiness_;
  static HttpPort* port_;
};

HttpPortTest::Readiness* HttpPortTest::readiness_ = nullptr;
HttpPort* HttpPortTest::port_ = nullptr;

TEST_F(HttpPortTest, TellsTheAddressThatItTook) {
  EXPECT_THAT(port_->address(), StartsWith("127.0.0.1:"));
  EXPECT_NE(port_->address(), "127.0.0.1:0");
}

TEST_F(HttpPortTest, IsHealthyWhileItLives) {
  EXPECT_EQ(Ask(port_->address(), "GET /healthz"), "200 ok\n");
  SetAlive(false);
  EXPECT_THAT(Ask(port_->address(), "GET /healthz"), StartsWith("503 "));
  SetAlive(true);
  EXPECT_THAT(Ask(port_->address(), "GET /healthz"), StartsWith("200 "));
}

TEST_F(HttpPortTest, IsReadyWhenToldSo) {
  EXPECT_THAT(Ask(port_->address(), "GET /readyz"), StartsWith("503 "));
  SetReady(true);
  EXPECT_THAT(Ask(port_->address(), "GET /readyz"), StartsWith("200 "));
}

TEST_F(HttpPortTest, GivesTheMetrics) {
  EXPECT_EQ(Ask(port_->address(), "GET /metrics"), "200 a_total 1\n");
}

TEST_F(HttpPortTest, RefusesOtherPathsAndMethods) {
  EXPECT_THAT(Ask(port_->address(), "GET /"), StartsWith("404 "));
  EXPECT_THAT(Ask(port_->address(), "GET /healthz/x"), StartsWith("404 "));
  EXPECT_THAT(Ask(port_->address(), "DELETE /metrics"), StartsWith("405 "));
}

TEST_F(HttpPortTest, AnAddressInUseIsAnErrorThatNamesIt) {
  const absl::Status status = HttpPort::Create(port_->address(), {}).status();
  EXPECT_THAT(status, HasCode(absl::StatusCode::kUnavailable));
  EXPECT_THAT(std::string(status.message()), HasSubstr(port_->address()));
}

TEST(HttpPortErrorTest, AnAddressThatIsNoneIsAnError) {
  for (const char* listen :
       {"", "localhost", ":80", "a:b", "a:70000", "1.2.3.4:80,1.2.3.4:81"}) {
    EXPECT_THAT(HttpPort::Create(listen, {}),
                HasCode(absl::StatusCode::kInvalidArgument))
        << listen;
  }
  EXPECT_THAT(HttpPort::Create("no.such.host.invalid:80", {}),
              HasCode(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace cascade
