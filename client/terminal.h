#pragma once

namespace cascade {

enum class ColorDepth { k256, k24Bit };

// What standard output can show.
struct Terminal {
  bool is_terminal = false;  // Not a file or a pipe: lines can be redrawn.
  int columns = 80;
  int rows = 24;
  ColorDepth colors = ColorDepth::k256;
};

// Asks the system and the environment (COLORTERM).
Terminal DescribeTerminal();

}  // namespace cascade
