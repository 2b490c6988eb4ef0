// SPDX-License-Identifier: Apache-2.0
#include "sim/modules/dram_channel.h"

#include <algorithm>
#include <iterator>

#include "sim/plan/topology.h"

namespace stagecoach {

DramChannel::DramChannel(sc_core::sc_module_name name, const DramPlan& dram, const WheelIf& wheel)
    : sc_module(name), dram_(dram), wheel_(wheel) {}

Cycles DramChannel::transfer(Bytes bytes, Cycles ready) {
  if (bytes == Bytes{0}) return ready;
  const Cycles cycles = transfer_cycles(bytes, dram_.bytes_per_cycle);
  forget_before(wheel_.now());
  const Cycles end = occupy(cycles, ready);
  statistics_.bytes += bytes;
  statistics_.busy_cycles += cycles;
  statistics_.wait_cycles += end - ready - cycles;
  return end + dram_.latency_cycles;
}

void DramChannel::forget_before(Cycles now) {
  const auto ends_later = [now](const Busy& b) { return b.end > now; };
  busy_.erase(busy_.begin(), std::find_if(busy_.begin(), busy_.end(), ends_later));
}

Cycles DramChannel::occupy(Cycles cycles, Cycles ready) {
  if (cycles == 0) return ready;
  const auto ends_behind = [](Cycles time, const Busy& b) { return time < b.end; };
  auto first = std::upper_bound(busy_.begin(), busy_.end(), ready, ends_behind);
  const Cycles begin = first == busy_.end() ? ready : std::min(ready, first->begin);
  Cycles end = ready, left = cycles;
  auto last = first;  // behind all whose gaps the request fills
  for (; last != busy_.end() && last->begin < end + left; ++last) {
    left -= std::max<Cycles>(last->begin - end, 0);
    end = last->end;
  }
  end += left;
  // One piece with these, and with neighbours that it touches.
  Busy piece{begin, end};
  if (last != busy_.end() && last->begin == end) piece.end = (last++)->end;
  if (first != busy_.begin() && std::prev(first)->end == begin) piece.begin = (--first)->begin;
  busy_.insert(busy_.erase(first, last), piece);
  return end;
}

}  // namespace stagecoach
