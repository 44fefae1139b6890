"""How much noise each diffusion step has, and how a step takes some of it away.

Notation of Ho et al. (2020): at step t a clean value x0 has become sqrt(a_t) x0 + sqrt(1 - a_t) e with unit noise e, where a_t is the
product of all (1 - beta) up to t. The network estimates e.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from hamster_bench.baselines.diffuser_actor.settings import Sampler

# Clean values lie in this range, so an estimate beyond it is cut.
_LARGEST = 1.0
# Smallest variance of the noise added in a step (Ho et al. have a logarithm of it).
_SMALLEST_VARIANCE = 1e-20


@dataclass(frozen=True)
class NoiseSchedule:
    """Noise levels of a diffusion process.

    Attributes:
        betas: (steps,) float32, the share of variance that each step replaces by noise.
        signal: (steps,) float32, the share of the clean value's variance left after it, a_t.
    """

    betas: Tensor
    signal: Tensor

    @classmethod
    def of_betas(cls, betas: Tensor) -> NoiseSchedule:
        """The schedule with these betas."""
        return cls(betas, torch.cumprod(1.0 - betas, dim=0))

    def noised(self, clean: Tensor, noise: Tensor, steps: Tensor) -> Tensor:
        """Clean values (b, ...) as they are at the steps (b,), given the unit noise (b, ...)."""
        signal = self.signal.to(clean.device)[steps].reshape(-1, *[1] * (clean.dim() - 1))
        return signal.sqrt() * clean + (1.0 - signal).sqrt() * noise

    def coefficients(self, step: int, next_step: int, sampler: Sampler) -> StepCoefficients:
        """How to go from one step to an earlier one, or with ``next_step`` -1 to the clean value.

        Args:
            step: where the current values are.
            next_step: where to go, smaller.
            sampler: ``"ddpm"`` draws from the posterior, with the smaller of its two usual variances (Ho et al. 2020, eq. 7);
                ``"ddim"`` goes without new noise (Song et al. 2021, eq. 12 with sigma 0), for few and large steps.
        """
        # In float32 throughout, as published: 1 - now / then is small beside its own rounding.
        now = self.signal[step]
        then = self.signal[next_step] if next_step >= 0 else torch.ones(())
        clean_of_value, clean_of_noise = 1.0 / now.sqrt(), -(1.0 - now).sqrt() / now.sqrt()
        if sampler == "ddim":
            # The noise that the cut estimate implies is kept, at its new level.
            ratio = ((1.0 - then) / (1.0 - now)).sqrt()
            next_of_clean, next_of_value, deviation = then.sqrt() - ratio * now.sqrt(), ratio, torch.zeros(())
        else:
            kept = now / then
            next_of_clean = then.sqrt() * (1.0 - kept) / (1.0 - now)
            next_of_value = kept.sqrt() * (1.0 - then) / (1.0 - now)
            variance = ((1.0 - then) / (1.0 - now) * (1.0 - kept)).clamp(min=_SMALLEST_VARIANCE)
            deviation = variance.sqrt() if next_step >= 0 else torch.zeros(())
        numbers = (clean_of_value, clean_of_noise, next_of_clean, next_of_value, deviation)
        return StepCoefficients(*(float(number) for number in numbers))


@dataclass(frozen=True)
class StepCoefficients:
    """One step back: clean estimate = cut(a x + b e); next x = c clean + d x + s z, with e the estimated and z new unit noise."""

    clean_of_value: float
    clean_of_noise: float
    next_of_clean: float
    next_of_value: float
    deviation: float

    def apply(self, value: Tensor, estimated_noise: Tensor, new_noise: Tensor) -> Tensor:
        """The values one step further back, all of one shape."""
        clean = (self.clean_of_value * value + self.clean_of_noise * estimated_noise).clamp(-_LARGEST, _LARGEST)
        following = self.next_of_clean * clean + self.next_of_value * value
        return following + self.deviation * new_noise if self.deviation else following


def position_schedule(steps: int) -> NoiseSchedule:
    """Betas whose square roots grow linearly. With 100 steps 0.485 of the signal's variance is left at the last one."""
    return NoiseSchedule.of_betas(torch.linspace(1e-4**0.5, 0.02**0.5, steps, device="cpu") ** 2)


def rotation_schedule(steps: int) -> NoiseSchedule:
    """The squared cosine of Nichol and Dhariwal (2021), betas cut at 0.999."""

    def signal(time: float) -> float:
        return math.cos((time + 0.008) / 1.008 * math.pi / 2.0) ** 2

    betas = [min(1.0 - signal((t + 1) / steps) / signal(t / steps), 0.999) for t in range(steps)]
    return NoiseSchedule.of_betas(torch.tensor(betas, dtype=torch.float32, device="cpu"))


def sampling_steps(diffusion_steps: int, count: int) -> tuple[int, ...]:
    """``count`` steps from the last one down, as evenly spaced as whole numbers allow; all of them for ``count = diffusion_steps``.

    The last step is always among them: sampling starts from pure noise, which is what the network saw there.

    Raises:
        ValueError: ``count`` is not between 1 and ``diffusion_steps``.
    """
    if not 1 <= count <= diffusion_steps:
        raise ValueError(f"between 1 and {diffusion_steps} sampling steps, got {count}")
    return tuple(round(diffusion_steps * (count - i) / count) - 1 for i in range(count))
