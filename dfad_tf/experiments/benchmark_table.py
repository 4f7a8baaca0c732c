"""A benchmark's result as a table."""

from __future__ import annotations

from typing import Any


def table(result: dict[str, Any]) -> str:
    """Write what a train step costs, and where its time goes.

    Args:
        result: Networks, settings and what `step_benchmark.benchmark_step` returned, and
            `compare` where another program was timed as well.

    Returns:
        Some lines.
    """
    whole = result["seconds_per_iteration"]
    peak = result["matrix_flops_per_second"]
    low, high = min(result["seconds"]), max(result["seconds"])
    lines = [
        "",
        f"{result['teacher']} → {result['student']}, generator '{result['generator']}', "
        f"method '{result['method']}', batch {result['batch_size']}, {result['compute_dtype']}, "
        f"{'XLA' if result['jit_compile'] else 'graph'}, {result['cores']} cores",
        f"  in an iteration        {result['student_steps']} student steps and 1 of the generator, "
        f"{result['images_per_iteration']:,} images generated",
        f"  seconds an iteration   {whole:.3f}   (median of {result['iterations']}, "
        f"{low:.3f} to {high:.3f})",
        f"  images a second        {result['images_per_second']:,.0f} generated",
        f"  FLOP/s                 {result['flops_per_second'] / 1e9:,.0f} G, "
        f"{100 * result['share_of_peak']:.0f} % of a large matrix product's "
        f"{peak / 1e9:,.0f} G on this {result['device']}",
        f"  peak memory            {result['peak_memory_bytes'] / 2**20:,.0f} MiB",
        f"  first step             {result['seconds_to_first_step']:.1f} s after the command, "
        f"the compiled one after {result['seconds_to_compiled_step']:.1f} s",
        "",
        "  of which               seconds   times   share",
    ]
    for name, part in result["parts"].items():
        seconds, times = part["seconds"], int(part["times"])
        lines.append(
            f"  {name:<20} {seconds:>9.3f} {times:>7} {100 * seconds * times / whole:>6.0f} %"
        )
    if "compare" in result:
        compare = result["compare"]
        lines += ["", f"  in turn with           {compare['command']}"]
        for ours, theirs in zip(compare["seconds"], compare["their_seconds"], strict=True):
            lines.append(f"    {ours:.3f} s here, {theirs:.3f} s there")
        lines.append(
            f"  {compare['ratio']:.2f} times as fast (medians of {len(compare['seconds'])} rounds)"
        )
    return "\n".join(lines)
