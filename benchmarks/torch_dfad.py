"""Data-free adversarial distillation (DFAD) in PyTorch, for timing beside `dfad-benchmark`.

    python -m benchmarks.torch_dfad --task=mnist --iterations=5
    python -m benchmarks.torch_dfad --task=cifar10 --batch_size=64 --iterations=3 --channels_last
    python -m benchmarks.torch_dfad --task=mnist --train --minutes=60

The networks, losses and step counts are those of the public PyTorch implementations: five student
steps, then one generator step, with the mean absolute error between logits. The first commands
print "X s an iteration", which `dfad-benchmark --compare` reads; the last one trains a teacher and
prints the student's accuracy over time.

Needs PyTorch (see `benchmarks/requirements.txt`); `--train` also needs tensorflow-datasets.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

_STUDENT_STEPS = 5


@dataclass
class Networks:
    """The networks of a task and its hyperparameters.

    Attributes:
        teacher: Classifier of images `(batch, channels, 32, 32)` that returns logits.
        student: Smaller classifier of the same images.
        generator: Network from latent vectors `(batch, latent_size)` to images.
        latent_size: Length of the latent vectors.
        batch_size: Images in a batch.
        learning_rate: The student's, of SGD with momentum 0.9.
        weight_decay: The student's.
    """

    teacher: nn.Module
    student: nn.Module
    generator: nn.Module
    latent_size: int
    batch_size: int
    learning_rate: float
    weight_decay: float

    def all(self) -> tuple[nn.Module, nn.Module, nn.Module]:
        """Return teacher, student and generator."""
        return self.teacher, self.student, self.generator


def lenet(conv1: int, conv2: int, conv3: int, hidden: int) -> nn.Module:
    """Build LeNet-5 for 32×32×1 images: (6, 16, 120, 84) channels, or half of them."""
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(1, conv1, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(conv1, conv2, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(conv2, conv3, 5),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(conv3, hidden),
        nn.ReLU(),
        nn.Linear(hidden, 10),
    )


def resnet(blocks: Sequence[int], classes: int = 10) -> nn.Module:
    """Build a ResNet for 32×32×3 images: four groups of basic blocks, 64 to 512 channels."""
    from torch import nn
    from torch.nn import functional

    class BasicBlock(nn.Module):
        """Two 3×3 convolutions with batch normalization, and a shortcut."""

        def __init__(self, inputs: int, outputs: int, stride: int) -> None:
            super().__init__()
            self.body = nn.Sequential(
                nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(True),
                nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
                nn.BatchNorm2d(outputs),
            )
            self.shortcut: nn.Module = nn.Identity()
            if stride != 1 or inputs != outputs:
                self.shortcut = nn.Sequential(
                    nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
                )

        def forward(self, images: Tensor) -> Tensor:
            """Apply the block to images `(batch, channels, height, width)`."""
            return functional.relu(self.body(images) + self.shortcut(images))

    layers = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(True)]
    channels = 64
    for group, (width, count) in enumerate(zip((64, 128, 256, 512), blocks, strict=True)):
        for index in range(count):
            layers.append(BasicBlock(channels, width, 2 if group and not index else 1))
            channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, classes))


def generator(latent_size: int, channels: int, width: int = 64) -> nn.Module:
    """Build the generator: a dense layer to 8×8, two nearest-neighbour up-samplings to 32×32."""
    from torch import nn

    return nn.Sequential(
        nn.Linear(latent_size, 2 * width * 64),
        nn.Unflatten(1, (2 * width, 8, 8)),
        nn.BatchNorm2d(2 * width),
        nn.Upsample(scale_factor=2),
        nn.Conv2d(2 * width, 2 * width, 3, 1, 1),
        nn.BatchNorm2d(2 * width),
        nn.LeakyReLU(0.2, True),
        nn.Upsample(scale_factor=2),
        nn.Conv2d(2 * width, width, 3, 1, 1),
        nn.BatchNorm2d(width),
        nn.LeakyReLU(0.2, True),
        nn.Conv2d(width, channels, 3, 1, 1),
        nn.Tanh(),
        nn.BatchNorm2d(channels, affine=False),
    )


def networks(task: str, batch_size: int | None) -> Networks:
    """Build the networks of a task.

    Args:
        task: `"mnist"` or `"cifar10"`.
        batch_size: Images in a batch; None for the task's default, 512 or 256.
    """
    if task == "mnist":
        teacher, student = lenet(6, 16, 120, 84), lenet(3, 8, 60, 42)
        return Networks(teacher, student, generator(100, 1), 100, batch_size or 512, 0.01, 1e-4)
    teacher, student = resnet((3, 4, 6, 3)), resnet((2, 2, 2, 2))
    return Networks(teacher, student, generator(256, 3), 256, batch_size or 256, 0.1, 5e-4)


def mnist() -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Load standardized MNIST images `(count, 1, 32, 32)` and labels, for training and test."""
    import tensorflow_datasets as tfds
    import torch
    from torch.nn import functional

    def arrays(split: str) -> tuple[Tensor, Tensor]:
        data = tfds.as_numpy(tfds.load("mnist", split=split, batch_size=-1))
        images = torch.from_numpy(data["image"].astype("float32") / 255.0).permute(0, 3, 1, 2)
        images = (images - 0.1307) / 0.3081
        images = functional.pad(images, (2, 2, 2, 2), value=-0.1307 / 0.3081)
        return images, torch.from_numpy(data["label"].copy())

    return arrays("train"), arrays("test")


def accuracy(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Return the fraction of images that a model classifies correctly."""
    import torch

    model.eval()
    device = next(model.parameters()).device
    with torch.no_grad():
        correct = sum(
            (model(batch.to(device)).argmax(1).cpu() == expected).sum().item()
            for batch, expected in zip(images.split(1000), labels.split(1000), strict=True)
        )
    return correct / len(labels)


def train_teacher(teacher: nn.Module, images: Tensor, labels: Tensor) -> None:
    """Train the teacher on labelled images, with Adam for ten epochs."""
    import torch
    from torch.nn import functional

    optimizer = torch.optim.Adam(teacher.parameters(), 2e-3)
    for _ in range(10):
        teacher.train()
        for index in torch.randperm(len(images)).split(256):
            optimizer.zero_grad()
            functional.cross_entropy(teacher(images[index]), labels[index]).backward()
            optimizer.step()


def iteration_of(task: Networks, given: argparse.Namespace) -> Callable[[], None]:
    """Return a function that takes five student steps and one generator step.

    Args:
        task: The networks, which are moved to the device and prepared for distillation.
        given: Command-line arguments.
    """
    import torch
    from torch.nn import functional

    if given.channels_last:
        for network in task.all():
            network.to(memory_format=torch.channels_last)
    device = torch.device(given.device)
    for network in task.all():
        network.to(device)
    teacher, student, maker = task.all()
    teacher.eval().requires_grad_(False)
    student.train()
    cast = torch.autocast(given.device, torch.bfloat16, enabled=given.bfloat16)
    student_optimizer = torch.optim.SGD(
        student.parameters(), task.learning_rate, momentum=0.9, weight_decay=task.weight_decay
    )
    generator_optimizer = torch.optim.Adam(maker.parameters(), 1e-3)

    def latents() -> Tensor:
        return torch.randn(task.batch_size, task.latent_size, device=device)

    def student_step() -> None:
        student_optimizer.zero_grad()
        with cast:
            with torch.no_grad():
                images = maker(latents())
                target = teacher(images)
            loss = functional.l1_loss(student(images).float(), target.float())
        loss.backward()
        student_optimizer.step()

    def generator_step() -> None:
        generator_optimizer.zero_grad()
        with cast:
            images = maker(latents())
            loss = -functional.l1_loss(student(images).float(), teacher(images).float())
        loss.backward()
        generator_optimizer.step()

    steps = (student_step, generator_step)
    if given.compile:
        steps = (torch.compile(student_step), torch.compile(generator_step))

    def iteration() -> None:
        for _ in range(_STUDENT_STEPS):
            steps[0]()
        steps[1]()

    return iteration


def time_iterations(iteration: Callable[[], None], given: argparse.Namespace) -> list[float]:
    """Return the seconds of each iteration, after one that is not timed."""
    import torch

    iteration()
    times = []
    for _ in range(given.iterations):
        start = time.time()
        iteration()
        if given.device == "cuda":
            torch.cuda.synchronize()
        times.append(time.time() - start)
    return times


def train(
    iteration: Callable[[], None], task: Networks, test: tuple[Tensor, Tensor], minutes: float
) -> None:
    """Distill for some minutes, and print the student's accuracy after every 50 iterations."""
    start, spent, done = time.time(), 0.0, 0
    while spent < minutes * 60:
        iteration()
        done += 1
        spent = time.time() - start
        if done % 50 == 0:
            score = accuracy(task.student, *test)
            task.student.train()
            start += time.time() - start - spent  # the evaluation does not count
            generated = done * (_STUDENT_STEPS + 1) * task.batch_size
            print(
                f"iteration {done} seconds {spent:.0f} generated {generated} accuracy {score:.4f}",
                flush=True,
            )


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "--task",
        choices=("mnist", "cifar10"),
        default="mnist",
        help="mnist: LeNet-5 and its half; cifar10: ResNet-34 and ResNet-18 (default: mnist)",
    )
    add("--batch_size", type=int, help="images in a batch (default: 512 for mnist, 256 else)")
    add("--iterations", type=int, default=5, help="iterations that are timed (default: 5)")
    add(
        "--train",
        action="store_true",
        help="train a teacher, distill it for --minutes and print accuracies (mnist only)",
    )
    add("--minutes", type=float, default=30, help="minutes of --train (default: 30)")
    add("--channels_last", action="store_true", help="use the channels-last memory format")
    add("--compile", action="store_true", help="compile both steps by torch.compile")
    add("--bfloat16", action="store_true", help="train under autocast to bfloat16")
    add("--device", default="cpu", choices=("cpu", "cuda"), help="device (default: cpu)")
    add("--seed", type=int, default=0, help="seed of weights and noise (default: 0)")
    given = parser.parse_args()
    if given.train and given.task != "mnist":
        parser.error("--train needs --task=mnist")
    return given


def main() -> None:
    """Time iterations, or train with `--train`."""
    given = arguments()
    try:
        import torch
    except ImportError:
        sys.exit("torch_dfad needs PyTorch: pip install -r benchmarks/requirements.txt")
    torch.manual_seed(given.seed)
    task = networks(given.task, given.batch_size)
    if given.train:
        training, test = mnist()
        train_teacher(task.teacher, *training)
        print(f"teacher {accuracy(task.teacher, *test):.4f}", flush=True)
        train(iteration_of(task, given), task, test, given.minutes)
        return
    times = time_iterations(iteration_of(task, given), given)
    median = sorted(times)[len(times) // 2]
    print(
        f"torch {given.task} batch {task.batch_size}: {median:.3f} s an iteration "
        f"(median of {len(times)})"
    )


if __name__ == "__main__":
    main()
