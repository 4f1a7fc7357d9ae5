"""Random views of images: computed for a whole batch at once, random for each image separately.

Every function takes images in [0, 1] as float32 (B, C, H, W), gray (C = 1) or red, green and blue
(C = 3), and an explicit generator, so the same generator state gives the same views.
"""

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from fashion_mocluster.errors import InputError
from fashion_mocluster.learning.parameters import UNCHANGED, Range, ViewParameters

# Kernels of the Sobel operator; cv2.Sobel and skimage use the same.
SOBEL = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])


def query_and_key_views(
    images: Tensor, parameters: ViewParameters, generator: Generator, resample_twice: bool = False
) -> tuple[Tensor, Tensor]:
    """Two views (B, C, H, W) of each image.

    ``key_view: independent`` draws twice. ``key_view: sobel`` is the thesis's dual channel: one
    geometry for both, photometric changes on the query, Sobel magnitude as the key.
    """
    if parameters.key_view == "independent":
        query = view(images, parameters, generator, resample_twice)
        return query, view(images, parameters, generator, resample_twice)
    shaped = geometric(images, parameters, generator, resample_twice)
    return photometric(shaped, parameters, generator), sobel_magnitude(shaped)


def view(
    images: Tensor, parameters: ViewParameters, generator: Generator, resample_twice: bool = False
) -> Tensor:
    """One view (B, C, H, W) of each image, whatever ``key_view`` says."""
    shaped = geometric(images, parameters, generator, resample_twice)
    return photometric(shaped, parameters, generator)


def geometric(
    images: Tensor, parameters: ViewParameters, generator: Generator, resample_twice: bool = False
) -> Tensor:
    """Crop, translate, rotate and mirror each image by its own random amount, (B, C, H, W).

    Args:
        resample_twice: Crop by bilinear, then rotate by nearest-neighbor resampling, as
            torchvision's RandomResizedCrop and RandomRotation do in the published scripts.
    """
    rotation = _rotation(images, parameters, generator)
    crop = _crop_and_flip(images, parameters, generator)
    if resample_twice:
        return _resample(_resample(images, crop, "bilinear"), rotation, "nearest")
    return _resample(images, crop @ rotation, "bilinear")


def photometric(images: Tensor, parameters: ViewParameters, generator: Generator) -> Tensor:
    """Gamma, brightness, colors, blur and noise, each image by its own amount, clipped to [0, 1]."""
    x = images
    if parameters.gamma != UNCHANGED:
        x = x.clamp_min(1e-6) ** _log_uniform(x, parameters.gamma, generator)
    if parameters.brightness != UNCHANGED:
        x = x * _uniform(x, parameters.brightness, generator)
    x = colored(x, parameters, generator)
    if parameters.blur_kernel > 1:
        sigma = _uniform(x, parameters.blur_sigma, generator).flatten()
        x = gaussian_blur(x, sigma, parameters.blur_kernel)
    if parameters.noise_std > 0:
        noise = torch.randn(x.shape, generator=generator, device=x.device)
        x = x + noise * (parameters.noise_std / 255)
    return x.clamp(0, 1)


def colored(images: Tensor, parameters: ViewParameters, generator: Generator) -> Tensor:
    """Contrast, saturation, hue and loss of color, each image by its own random amount.

    The first three are those of torchvision's ``adjust_*``, not clipped in between where colors leave
    [0, 1]. Gray images have a contrast only.
    """
    x, p = images, parameters
    if p.contrast != UNCHANGED:
        mean = _gray(x).mean((1, 2, 3), keepdim=True)
        x = torch.lerp(mean, x, _uniform(x, p.contrast, generator))
    if x.shape[1] == 1:
        return x
    if p.saturation != UNCHANGED:
        x = torch.lerp(_gray(x), x, _uniform(x, p.saturation, generator))
    if p.hue > 0:
        x = shift_hue(x.clamp(0, 1), _uniform(x, Range(low=-p.hue, high=p.hue), generator))
    if p.gray_probability > 0:
        u = torch.rand(len(x), 1, 1, 1, generator=generator, device=x.device)
        x = torch.where(u < p.gray_probability, _gray(x), x)
    return x


def shift_hue(images: Tensor, shift: Tensor) -> Tensor:
    """Images (B, 3, H, W) in [0, 1] with the hue turned by a fraction (B, 1, 1, 1) of the circle.

    In the hexcone model (Smith 1978, "Color gamut transform pairs"): the largest and the smallest
    channel stay, which channels these are and where the third lies between them changes.
    """
    red, green, blue = images.split(1, dim=1)
    value, smallest = images.amax(1, keepdim=True), images.amin(1, keepdim=True)
    chroma = value - smallest
    safe = torch.where(chroma == 0, 1, chroma)
    hue = torch.where(
        value == red,
        (green - blue) / safe,
        torch.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    corners = torch.tensor([5.0, 3.0, 1.0], device=images.device).view(1, 3, 1, 1)
    place = (hue + 6 * shift + corners) % 6
    return value - chroma * torch.minimum(place, 4 - place).clamp(0, 1)


def _gray(images: Tensor) -> Tensor:
    """Luma (B, 1, H, W); of gray images themselves."""
    if images.shape[1] == 1:
        return images
    # torchvision loads torch's compiler, for seconds, so only color pictures wait for it.
    from torchvision.transforms.v2.functional import rgb_to_grayscale

    return rgb_to_grayscale(images)


def sobel_magnitude(images: Tensor) -> Tensor:
    """Gradient magnitude of each channel, mirrored at the border as in OpenCV, clipped to [0, 1]."""
    horizontal = SOBEL.to(images).view(1, 1, 3, 3)
    kernels = torch.cat([horizontal, horizontal.transpose(2, 3)])
    channels = images.flatten(0, 1).unsqueeze(1)
    gradient = F.conv2d(F.pad(channels, (1, 1, 1, 1), mode="reflect"), kernels)
    return gradient.square().sum(1).sqrt().clamp(0, 1).view(images.shape)


def gaussian_blur(images: Tensor, sigma: Tensor, kernel_size: int) -> Tensor:
    """Blur image i with standard deviation ``sigma[i]`` (B,) pixels, mirrored at the border.

    Raises:
        InputError: The kernel reaches further than the images, which have no more pixels to mirror.
    """
    batch, channels, height, width = images.shape
    half, smaller = kernel_size // 2, min(height, width)
    if half >= smaller:
        raise InputError(
            f"blur_kernel is {kernel_size} in the `views` of a training or of a whitening, but the "
            f"images have {smaller} pixels; set it to {2 * smaller - 1} at most"
        )
    offsets = torch.arange(-half, half + 1, device=images.device, dtype=images.dtype)
    weights = torch.exp(-0.5 * (offsets / sigma[:, None]) ** 2)
    weights = (weights / weights.sum(1, keepdim=True)).repeat_interleave(channels, 0)
    # One convolution group per channel of an image gives each image its own kernel.
    groups = batch * channels
    x = F.pad(images, (half, half, half, half), mode="reflect")
    x = x.reshape(1, groups, height + 2 * half, width + 2 * half)
    x = F.conv2d(x, weights.view(groups, 1, 1, kernel_size), groups=groups)
    x = F.conv2d(x, weights.view(groups, 1, kernel_size, 1), groups=groups)
    return x.view(images.shape)


def _uniform(images: Tensor, interval: Range, generator: Generator) -> Tensor:
    """One value per image, (B, 1, 1, 1)."""
    u = torch.rand(len(images), 1, 1, 1, generator=generator, device=images.device)
    return interval.low + (interval.high - interval.low) * u


def _log_uniform(images: Tensor, interval: Range, generator: Generator) -> Tensor:
    """One value per image, uniform on the logarithmic scale, (B, 1, 1, 1)."""
    logs = Range(low=math.log(interval.low), high=math.log(interval.high))
    return _uniform(images, logs, generator).exp()


def _rotation(images: Tensor, parameters: ViewParameters, generator: Generator) -> Tensor:
    """Rotations in normalized coordinates, (B, 3, 3)."""
    batch, _, height, width = images.shape
    degrees = Range(low=-parameters.rotation_degrees, high=parameters.rotation_degrees)
    angle = torch.deg2rad(_uniform(images, degrees, generator).flatten())
    matrix = torch.zeros(batch, 3, 3, device=images.device)
    # Coordinates run from -1 to 1 on both axes, so the aspect ratio of the image must be restored.
    matrix[:, 0, 0] = matrix[:, 1, 1] = angle.cos()
    matrix[:, 0, 1] = -angle.sin() * height / width
    matrix[:, 1, 0] = angle.sin() * width / height
    matrix[:, 2, 2] = 1
    return matrix


def _crop_and_flip(images: Tensor, parameters: ViewParameters, generator: Generator) -> Tensor:
    """Random crops, translations and mirror images in normalized coordinates, (B, 3, 3)."""
    area = _uniform(images, parameters.crop_scale, generator).flatten()
    ratio = _log_uniform(images, parameters.aspect_ratio, generator).flatten()
    size_x, size_y = (area * ratio).sqrt(), (area / ratio).sqrt()
    if parameters.crop_scale.high <= 1:
        size_x, size_y = size_x.clamp(max=1), size_y.clamp(max=1)
    unit = Range(low=-1, high=1)
    # A crop smaller than the image lies anywhere inside it; a translation may move it out.
    free_x, free_y = (1 - size_x).clamp_min(0), (1 - size_y).clamp_min(0)
    reach = 2 * parameters.translate
    center_x = _uniform(images, unit, generator).flatten() * (free_x + reach)
    center_y = _uniform(images, unit, generator).flatten() * (free_y + reach)
    u = torch.rand(len(images), generator=generator, device=images.device)
    mirror = torch.where(u < parameters.flip_probability, -1.0, 1.0)
    matrix = torch.zeros(len(images), 3, 3, device=images.device)
    matrix[:, 0, 0] = size_x * mirror
    matrix[:, 1, 1] = size_y
    matrix[:, 0, 2] = center_x
    matrix[:, 1, 2] = center_y
    matrix[:, 2, 2] = 1
    return matrix


def _resample(images: Tensor, matrix: Tensor, mode: str) -> Tensor:
    """Read each output pixel from where ``matrix`` (B, 3, 3) sends its coordinates; outside is 0."""
    grid = F.affine_grid(matrix[:, :2], list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode=mode, padding_mode="zeros", align_corners=False)
