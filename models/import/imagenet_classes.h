#pragma once

namespace cascade {

// The text of imagenet_classes.txt, built in.
extern const char kImageNetClassesText[];

}  // namespace cascade
