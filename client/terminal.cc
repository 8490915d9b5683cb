#include "client/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace cascade {

Terminal DescribeTerminal() {
  Terminal terminal;
  terminal.is_terminal = isatty(STDOUT_FILENO) == 1;
  winsize size = {};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    terminal.columns = size.ws_col;
    terminal.rows = size.ws_row;
  }
  const char* color_term = std::getenv("COLORTERM");
  const std::string_view colors = color_term == nullptr ? "" : color_term;
  if (colors == "truecolor" || colors == "24bit") {
    terminal.colors = ColorDepth::k24Bit;
  }
  return terminal;
}

}  // namespace cascade
