"""The result of a benchmark as a table."""

from __future__ import annotations

from typing import Any

from dfad_tf.experiments.step_benchmark import REST


def table(result: dict[str, Any]) -> str:
    """Format the cost of a train step and the share of each of its parts.

    Args:
        result: Result of `step_benchmark.benchmark_step`, with the names of the networks and
            settings, and `compare` if another program was timed as well.

    Returns:
        Lines of text.
    """
    lines = [*_header(result), "", *_parts(result)]
    if "compare" in result:
        lines += ["", *_comparison(result["compare"])]
    return "\n".join(lines)


def _header(result: dict[str, Any]) -> list[str]:
    low, high = min(result["seconds"]), max(result["seconds"])
    return [
        "",
        f"{result['teacher']} → {result['student']}, generator '{result['generator']}', "
        f"method '{result['method']}', batch {result['batch_size']}, {result['compute_dtype']}, "
        f"{'XLA' if result['jit_compile'] else 'graph'}, {result['cores']} cores",
        f"  one iteration          {_steps(result['student_steps'])} and 1 generator step, "
        f"{result['images_per_iteration']:,} images generated",
        f"  seconds per iteration  {result['seconds_per_iteration']:.3f}   "
        f"(median of {result['iterations']}, {low:.3f} to {high:.3f})",
        f"  images per second      {result['images_per_second']:,.0f} generated",
        f"  FLOP/s                 {result['flops_per_second'] / 1e9:,.0f} G, "
        f"{100 * result['share_of_peak']:.0f} % of a large matrix product's "
        f"{result['matrix_flops_per_second'] / 1e9:,.0f} G on this {result['device']}",
        f"  peak memory            {result['peak_memory_bytes'] / 2**20:,.0f} MiB",
        f"  first step             {result['seconds_to_first_step']:.1f} s after the start of the "
        f"process, second step after {result['seconds_to_compiled_step']:.1f} s",
    ]


def _steps(count: int) -> str:
    return f"{count} student step{'' if count == 1 else 's'}"


def _parts(result: dict[str, Any]) -> list[str]:
    """Return the rows of the parts, whose rounded shares add up to 100 %."""
    step, left = result["seconds_per_iteration"], 100
    lines = ["  part                   seconds   times   share"]
    for name, part in result["parts"].items():
        seconds, times = part["seconds"], int(part["times"])
        share = left if name == REST else round(100 * seconds * times / step)
        left -= share
        lines.append(f"  {name:<20} {seconds:>9.3f} {times:>7} {share:>6} %")
    about = (
        "  rest: the student's loss and optimizer, image memory, interpolation, metrics and data",
        "  movement; negative if the parts, which are timed one at a time, overlap in the step",
    )
    return [*lines, *about] if REST in result["parts"] else lines


def _comparison(compare: dict[str, Any]) -> list[str]:
    lines = [f"  alternating with       {compare['command']}"]
    for here, there in zip(compare["seconds"], compare["other_seconds"], strict=True):
        lines.append(f"    {here:.3f} s this program, {there:.3f} s the other program")
    rounds = len(compare["seconds"])
    medians = f"medians of {rounds} round{'' if rounds == 1 else 's'}"
    return [*lines, f"  {compare['ratio']:.2f} times as fast as the other program ({medians})"]
