#include "server/run_server.h"
#include "server/server.h"

int main(int argc, char** argv) {
  return cascade::RunServer(argc, argv, cascade::Server::RealEnvironment);
}
