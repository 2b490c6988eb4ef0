// SPDX-License-Identifier: Apache-2.0
// One maker per schedule kind; sim/schedule/schedule.cpp picks among them. To add a schedule: a
// maker here, a file of its own, a line in the factory, a row in the tests of the closed forms.
#pragma once

#include <memory>

#include "sim/schedule/schedule.h"

namespace stagecoach {

std::unique_ptr<Schedule> make_sequential(const ScheduleSpec&, int stages, const MicroBatchPlan&);
std::unique_ptr<Schedule> make_fill_drain(const ScheduleSpec&, int stages, const MicroBatchPlan&);
std::unique_ptr<Schedule> make_gpipe(const ScheduleSpec&, int stages, const MicroBatchPlan&);
std::unique_ptr<Schedule> make_one_f_one_b_flush(const ScheduleSpec&, int stages,
                                                 const MicroBatchPlan&);
std::unique_ptr<Schedule> make_pipelined(const ScheduleSpec&, int stages, const MicroBatchPlan&);
std::unique_ptr<Schedule> make_one_f_one_b(const ScheduleSpec&, int stages, const MicroBatchPlan&);
std::unique_ptr<Schedule> make_two_buffered_weights(const ScheduleSpec&, int stages,
                                                    const MicroBatchPlan&);
std::unique_ptr<Schedule> make_hybrid(const ScheduleSpec&, int stages, const MicroBatchPlan&);
std::unique_ptr<Schedule> make_zero_bubble(const ScheduleSpec&, int stages, const MicroBatchPlan&);
std::unique_ptr<Schedule> make_interleaved_one_f_one_b(const ScheduleSpec&, int stages,
                                                       const MicroBatchPlan&);
std::unique_ptr<Schedule> make_zero_bubble_v(const ScheduleSpec&, int stages,
                                             const MicroBatchPlan&);
std::unique_ptr<Schedule> make_forward_only(const ScheduleSpec&, int stages, const MicroBatchPlan&);

}  // namespace stagecoach
