namespace Fairlead.Node.Images;

/// <summary>When images that no container uses are removed (Kubernetes documentation: "Garbage Collection", "Container image lifecycle").</summary>
public sealed record ImageLimits
{
    /// <summary>Percent of the images' file system in use from which on they are; 100: they never are.</summary>
    public int High { get; init; } = 85;

    /// <summary>Percent in use down to which they are.</summary>
    public int Low { get; init; } = 80;

    /// <summary>One that was used a shorter time ago stays.</summary>
    public TimeSpan MinimumAge { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>What is wrong with it, in the words of the options; null: nothing.</summary>
    public string? Fault() =>
        High is < 0 or > 100 || Low is < 0 or > 100 ? "--image-gc-high-threshold and --image-gc-low-threshold take percentages from 0 to 100"
        : Low >= High ? "--image-gc-low-threshold must be below --image-gc-high-threshold"
        : MinimumAge < TimeSpan.Zero ? "--minimum-image-ttl-duration must not be below 0"
        : null;
}
