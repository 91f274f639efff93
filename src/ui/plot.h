// The bounds closing in, drawn with characters.
#pragma once

#include <iosfwd>

#include "service/round.h"

namespace sdwdate::ui {

/// For each source that gave bounds: a line for each answer, from the first to the last, with what was open after it.
/// Distances from the final estimate are drawn on a logarithmic scale, from a tenth of a millisecond to two seconds, on
/// a line `width` characters long.
void print_plot(std::ostream& out, const service::RoundReport& round, const timecore::TransferOptions& options,
                std::size_t width);

}  // namespace sdwdate::ui
