"""Packaging of dfad_tf; the settings of its tools are in pyproject.toml."""

import pathlib

from setuptools import find_packages, setup

HERE = pathlib.Path(__file__).parent
# It has files for this system only, and development versions only.
MICRO = "tflite-micro>=0.dev20260101; sys_platform == 'linux' and platform_machine == 'x86_64'"

setup(
    name="dfad_tf",
    version="0.6.0",
    description="Distill a Keras classifier into a small student without its training data",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    # The recipes are in flags/ for people, and in the wheel as the package dfad_tf.flags.
    packages=[*find_packages(include=["dfad_tf", "dfad_tf.*"]), "dfad_tf.flags"],
    package_dir={"dfad_tf.flags": "flags"},
    package_data={"dfad_tf.flags": ["*.flags"]},
    install_requires=[
        "absl-py>=2.1",  # flags and flag files
        "ai-edge-litert>=2.1",  # every exported file is reopened with it
        "filelock>=3.12",  # one process at a run's folder
        "importlib_resources>=6.0",  # tensorflow-datasets needs it and does not declare it
        "keras>=3.12,<3.16",
        "matplotlib>=3.8",  # learning curves, sample grids
        "numpy>=1.26",
        "pillow>=10.0",  # images that calibrate int8
        "psutil>=5.9",  # memory and age of the process, which the benchmark reports
        "requests>=2.28",  # whether a data set can be downloaded; TensorFlow Datasets needs it
        "scikit-learn>=1.4",  # the digits that need no download; installs SciPy
        "scipy>=1.11",  # quantiles of the Beta distribution, least squares, blur, weights of images
        "tensorboard>=2.20",  # the writers behind tf.summary and Keras's callback
        "tensorflow>=2.20",
        "tensorflow-datasets>=4.9.9",
    ],
    extras_require={
        "gpu": ["tensorflow[and-cuda]>=2.20"],
        "micro": [MICRO],  # memory of int8 files on microcontrollers
        "test": [
            "build>=1.2",
            "ipykernel>=6.29",  # runs the notebook in docs/
            "mypy>=1.15",
            "nbclient>=0.10",
            "nbformat>=5.10",
            "pytest>=8.3",
            "pytest-cov>=6.0",
            "pytest-timeout>=2.3",
            "pytest-xdist>=3.6",
            "ruff>=0.9",
            "selenium>=4.20",  # drives the browser page, where there is a browser
            "setuptools>=77",
            MICRO,  # runs the int8 files as a microcontroller does
        ],
    },
    entry_points={
        "console_scripts": [
            "dfad-train = dfad_tf.train:run",
            "dfad-benchmark = dfad_tf.benchmark:run",
            "dfad-compare = dfad_tf.compare:run",
            "dfad-evaluate = dfad_tf.evaluate:run",
            "dfad-figures = dfad_tf.figures:run",
            "dfad-to-saved-model = dfad_tf.to_saved_model:run",
            "dfad-to-tflite = dfad_tf.to_tflite:run",
        ]
    },
)
