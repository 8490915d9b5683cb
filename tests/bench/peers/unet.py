"""The guided-diffusion U-Net as a user of PyTorch would write it, with its published state-dict keys.

The architecture is that of models/nn; the keys of a shape are those of `network` in cascade.json. Attention is
PyTorch's own scaled_dot_product_attention, and its 1x1 convolutions see images, so that every memory format passes.
"""

import dataclasses
import math

import torch
from torch import nn
from torch.nn import functional


@dataclasses.dataclass(frozen=True)
class UNetShape:
    """Everything that decides the parameters and the arithmetic; the names and defaults of cascade.json."""
    image_channels: int = 3
    out_channels: int = 3
    model_channels: int = 64
    channel_mult: tuple = (1, 2)
    num_res_blocks: int = 2
    attention_downsampling: tuple = ()
    num_heads: int = 4
    num_head_channels: int = 0
    attention_order: str = "legacy"
    num_classes: int = 0
    null_class: bool = False
    scale_shift_norm: bool = True
    resblock_updown: bool = True
    conv_resample: bool = True
    norm_groups: int = 32
    dropout: float = 0
    super_resolution: bool = False
    augmentation_embedding: bool = False

    def channels(self, level):
        return int(self.channel_mult[level] * self.model_channels)

    def heads(self, channels):
        return channels // self.num_head_channels if self.num_head_channels > 0 else self.num_heads


class TimestepEmbedding(nn.Sequential):
    """Sinusoids of the timesteps, cosines first, then two linear layers. The sinusoids are float32 in every network."""

    def __init__(self, sinusoid_width, width):
        super().__init__(nn.Linear(sinusoid_width, width), nn.SiLU(), nn.Linear(width, width))
        half = sinusoid_width // 2
        # Not a buffer: bfloat16 frequencies would blur the timesteps.
        self.frequencies = torch.exp(torch.arange(half, dtype=torch.float32) * (-math.log(10000.0) / half))

    def forward(self, timestep):
        angles = timestep[:, None] * self.frequencies[None]
        return super().forward(torch.cat([angles.cos(), angles.sin()], dim=1).to(self[0].weight.dtype))


class Downsample(nn.Module):
    def __init__(self, channels, convolve):
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, stride=2, padding=1) if convolve else nn.AvgPool2d(2)

    def forward(self, x):
        return self.op(x)


class Upsample(nn.Module):
    def __init__(self, channels, convolve):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1) if convolve else nn.Identity()

    def forward(self, x):
        return self.conv(functional.interpolate(x, scale_factor=2.0, mode="nearest"))


class ResBlock(nn.Module):
    """Norm, SiLU, convolution, twice; the embedding scales and shifts the second norm, or is added before it."""

    def __init__(self, shape, in_channels, out_channels, resample=None):
        super().__init__()
        embedding_width = 4 * shape.model_channels
        self.scale_shift_norm = shape.scale_shift_norm
        self.resample = resample or nn.Identity()
        self.in_layers = nn.Sequential(nn.GroupNorm(shape.norm_groups, in_channels), nn.SiLU(),
                                       nn.Conv2d(in_channels, out_channels, 3, padding=1))
        self.emb_layers = nn.Sequential(
            nn.SiLU(), nn.Linear(embedding_width, (2 if shape.scale_shift_norm else 1) * out_channels))
        self.out_layers = nn.Sequential(nn.GroupNorm(shape.norm_groups, out_channels), nn.SiLU(),
                                        nn.Dropout(shape.dropout), nn.Conv2d(out_channels, out_channels, 3, padding=1))
        same = in_channels == out_channels
        self.skip_connection = nn.Identity() if same else nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x, embedding):
        norm, activation, convolution = self.in_layers
        h = convolution(self.resample(activation(norm(x))))
        e = self.emb_layers(embedding)[:, :, None, None]
        norm, *rest = self.out_layers
        if self.scale_shift_norm:
            scale, shift = e.chunk(2, dim=1)
            h = norm(h) * (1 + scale) + shift
        else:
            h = norm(h + e)
        for layer in rest:
            h = layer(h)
        return self.skip_connection(self.resample(x)) + h


class AttentionBlock(nn.Module):
    """Self-attention over the pixels, with a residual. The qkv channels lie [head][q, k, v]; new: [q, k, v][head]."""

    def __init__(self, shape, channels):
        super().__init__()
        self.heads = shape.heads(channels)
        self.new_order = shape.attention_order == "new"
        self.norm = nn.GroupNorm(shape.norm_groups, channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.proj_out = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        batch, channels, height, width = x.shape
        split = (3, self.heads) if self.new_order else (self.heads, 3)
        qkv = self.qkv(self.norm(x)).reshape(batch, *split, channels // self.heads, height * width)
        if self.new_order:
            qkv = qkv.transpose(1, 2)
        q, k, v = (part.transpose(-1, -2) for part in qkv.unbind(2))
        attended = functional.scaled_dot_product_attention(q, k, v)
        return x + self.proj_out(attended.transpose(-1, -2).reshape(batch, channels, height, width))


class BlockSequence(nn.Sequential):
    """Up to three modules, one after the other; residual blocks are told the embedding."""

    def forward(self, x, embedding):
        for module in self:
            x = module(x, embedding) if isinstance(module, ResBlock) else module(x)
        return x


class UNet(nn.Module):
    """Forward takes what the network needs, by name: x, timestep, class_id, low_res (enlarged), augmentation."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        width = 4 * shape.model_channels
        self.time_embed = TimestepEmbedding(shape.model_channels, width)
        if shape.num_classes:
            self.label_emb = nn.Embedding(shape.num_classes + (1 if shape.null_class else 0), width)
        if shape.augmentation_embedding:
            self.aug_embed = TimestepEmbedding(shape.model_channels, width)
        skips = self._build_input_blocks()
        middle = skips[-1]
        self.middle_block = BlockSequence(ResBlock(shape, middle, middle), AttentionBlock(shape, middle),
                                          ResBlock(shape, middle, middle))
        self._build_output_blocks(skips)
        first = shape.channels(0)
        self.out = nn.Sequential(nn.GroupNorm(shape.norm_groups, first), nn.SiLU(),
                                 nn.Conv2d(first, shape.out_channels, 3, padding=1))

    def _build_input_blocks(self):
        """Returns the channels that come out of each block."""
        shape = self.shape
        channels = shape.channels(0)
        inputs = shape.image_channels * (2 if shape.super_resolution else 1)
        self.input_blocks = nn.ModuleList([BlockSequence(nn.Conv2d(inputs, channels, 3, padding=1))])
        skips = [channels]
        for level in range(len(shape.channel_mult)):
            for _ in range(shape.num_res_blocks):
                self.input_blocks.append(self._level_block(level, channels))
                channels = shape.channels(level)
                skips.append(channels)
            if level + 1 < len(shape.channel_mult):
                down = (ResBlock(shape, channels, channels, nn.AvgPool2d(2)) if shape.resblock_updown
                        else Downsample(channels, shape.conv_resample))
                self.input_blocks.append(BlockSequence(down))
                skips.append(channels)
        return skips

    def _build_output_blocks(self, skips):
        shape = self.shape
        channels = skips[-1]
        self.output_blocks = nn.ModuleList()
        for level in reversed(range(len(shape.channel_mult))):
            for i in range(shape.num_res_blocks + 1):
                block = self._level_block(level, channels + skips.pop())
                channels = shape.channels(level)
                if level > 0 and i == shape.num_res_blocks:
                    block.append(ResBlock(shape, channels, channels, nn.Upsample(scale_factor=2.0, mode="nearest"))
                                 if shape.resblock_updown else Upsample(channels, shape.conv_resample))
                self.output_blocks.append(block)

    def _level_block(self, level, in_channels):
        shape = self.shape
        block = BlockSequence(ResBlock(shape, in_channels, shape.channels(level)))
        if 2 ** level in shape.attention_downsampling:
            block.append(AttentionBlock(shape, shape.channels(level)))
        return block

    def load(self, state):
        """Takes published weights; their attention convolves sequences, ours images."""
        own = self.state_dict()
        self.load_state_dict({key: value.reshape(own[key].shape) if value.dim() == 3 else value
                              for key, value in state.items()})
        return self.eval()

    def forward(self, x, timestep, class_id=None, low_res=None, augmentation=None):
        embedding = self.time_embed(timestep)
        if self.shape.num_classes:
            embedding = embedding + self.label_emb(class_id)
        if self.shape.augmentation_embedding:
            embedding = embedding + self.aug_embed(augmentation)
        h = torch.cat([x, low_res], dim=1) if self.shape.super_resolution else x
        h = h.to(self.out[2].weight.dtype)
        skips = []
        for block in self.input_blocks:
            h = block(h, embedding)
            skips.append(h)
        h = self.middle_block(h, embedding)
        for block in self.output_blocks:
            h = block(torch.cat([h, skips.pop()], dim=1), embedding)
        return self.out(h).float()
