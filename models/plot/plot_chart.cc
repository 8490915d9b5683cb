#include "models/plot/plot_chart.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "models/plot/plot_scale.h"

namespace cascade {
namespace {

// One chart's place, in pixels; the plot lies within the margins.
constexpr double kWidth = 520;
constexpr double kHeight = 380;
constexpr double kLeft = 64;
constexpr double kRight = 20;
constexpr double kTitle = 38;
constexpr double kBottom = 56;
constexpr double kLegendLine = 18;
constexpr double kLegendMark = 22;
constexpr double kLetter = 6.6;  // About as wide.

// Told apart by the colour-blind as well (Okabe and Ito).
constexpr const char* kColors[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                   "#e69f00", "#56b4e9", "#000000"};

std::string Escape(const std::string& text) {
  return absl::StrReplaceAll(
      text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}});
}

std::string Text(double x, double y, const std::string& attributes,
                 const std::string& text) {
  return absl::StrFormat("<text x=\"%.1f\" y=\"%.1f\" %s>%s</text>\n", x, y,
                         attributes, Escape(text));
}

std::string Stroke(double x1, double y1, double x2, double y2,
                   const std::string& attributes) {
  return absl::StrFormat(
      "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x1, y1,
      x2, y2, attributes);
}

// Where a line's name and mark are.
struct LegendPlace {
  double x = 0;
  double y = 0;
};

// From left to right below the title, in as many rows as it takes.
std::vector<LegendPlace> PlaceLegend(
    const std::vector<PlotChart::Line>& lines) {
  std::vector<LegendPlace> places;
  LegendPlace next{kLeft, kTitle};
  for (const PlotChart::Line& line : lines) {
    const double width =
        kLegendMark + 8 + kLetter * static_cast<double>(line.name.size()) + 18;
    if (next.x > kLeft && next.x + width > kWidth) {
      next = {kLeft, next.y + kLegendLine};
    }
    places.push_back(next);
    next.x += width;
  }
  return places;
}

// Draws one chart in a place of its own.
class ChartDrawing {
 public:
  explicit ChartDrawing(const PlotChart& chart)
      : chart_(chart),
        legend_(PlaceLegend(chart.lines)),
        top_((legend_.empty() ? kTitle : legend_.back().y) + kLegendLine),
        x_(MakePlotScale(Largest(&std::pair<double, double>::first))),
        y_(MakePlotScale(chart.y_max > 0
                             ? chart.y_max
                             : Largest(&std::pair<double, double>::second))) {}

  std::string Svg() const {
    return absl::StrCat(Grid(), Labels(), Lines(), Legend());
  }

 private:
  double Largest(double std::pair<double, double>::*coordinate) const {
    double largest = 0;
    for (const PlotChart::Line& line : chart_.lines) {
      for (const auto& point : line.points) {
        largest = std::max(largest, point.*coordinate);
      }
    }
    return largest;
  }

  double X(double x) const {
    return kLeft + x / x_.max * (kWidth - kLeft - kRight);
  }
  double Y(double y) const {
    return kHeight - kBottom - y / y_.max * (kHeight - top_ - kBottom);
  }

  std::string Grid() const {
    const std::string grid = "stroke=\"#e4e4e4\"";
    const std::string axis = "stroke=\"#444\"";
    std::string svg;
    for (double tick : x_.ticks) {
      svg += Stroke(X(tick), Y(0), X(tick), Y(y_.max), grid);
      svg += Text(X(tick), Y(0) + 18, "text-anchor=\"middle\"",
                  TickLabel(x_, tick));
    }
    for (double tick : y_.ticks) {
      svg += Stroke(X(0), Y(tick), X(x_.max), Y(tick), grid);
      svg += Text(X(0) - 8, Y(tick) + 4, "text-anchor=\"end\"",
                  TickLabel(y_, tick));
    }
    return absl::StrCat(svg, Stroke(X(0), Y(0), X(x_.max), Y(0), axis),
                        Stroke(X(0), Y(0), X(0), Y(y_.max), axis));
  }

  std::string Labels() const {
    const double y = (Y(0) + Y(y_.max)) / 2;
    return absl::StrCat(
        Text(X(0), 24, "font-size=\"15\" font-weight=\"600\"", chart_.title),
        Text((X(0) + X(x_.max)) / 2, kHeight - 14, "text-anchor=\"middle\"",
             chart_.x_label),
        Text(16, y,
             absl::StrFormat("text-anchor=\"middle\" transform=\"rotate(-90 "
                             "16 %.1f)\"",
                             y),
             chart_.y_label));
  }

  std::string Lines() const {
    std::string svg;
    for (size_t i = 0; i < chart_.lines.size(); ++i) {
      svg +=
          "<polyline fill=\"none\" stroke-width=\"2\" "
          "stroke-linejoin=\"round\" stroke=\"";
      absl::StrAppend(&svg, kColors[i % std::size(kColors)], "\" points=\"");
      for (const auto& [x, y] : chart_.lines[i].points) {
        absl::StrAppendFormat(&svg, "%.1f,%.1f ", X(x), Y(std::min(y, y_.max)));
      }
      svg += "\"/>\n";
      if (chart_.marks) svg += Marks(i);
    }
    return svg;
  }

  std::string Marks(size_t line) const {
    std::string svg;
    for (const auto& [x, y] : chart_.lines[line].points) {
      absl::StrAppendFormat(
          &svg, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", X(x),
          Y(std::min(y, y_.max)), kColors[line % std::size(kColors)]);
    }
    return svg;
  }

  std::string Legend() const {
    std::string svg;
    for (size_t i = 0; i < legend_.size(); ++i) {
      const auto& [x, y] = legend_[i];
      svg += Stroke(x, y, x + kLegendMark, y,
                    absl::StrFormat("stroke-width=\"3\" stroke=\"%s\"",
                                    kColors[i % std::size(kColors)]));
      svg += Text(x + kLegendMark + 8, y + 4, "text-anchor=\"start\"",
                  chart_.lines[i].name);
    }
    return svg;
  }

  const PlotChart& chart_;
  const std::vector<LegendPlace> legend_;
  const double top_;
  const PlotScale x_;
  const PlotScale y_;
};

}  // namespace

std::string PlotSvg(const std::vector<PlotChart>& charts) {
  const double width = kWidth * static_cast<double>(charts.size());
  std::string svg = absl::StrFormat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" "
      "height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" font-size=\"12\" "
      "font-family=\"Helvetica, Arial, sans-serif\" fill=\"#222\">\n"
      "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
      width, kHeight, width, kHeight);
  for (size_t i = 0; i < charts.size(); ++i) {
    absl::StrAppendFormat(&svg, "<g transform=\"translate(%.0f 0)\">\n%s</g>\n",
                          kWidth * static_cast<double>(i),
                          ChartDrawing(charts[i]).Svg());
  }
  return absl::StrCat(svg, "</svg>\n");
}

}  // namespace cascade
