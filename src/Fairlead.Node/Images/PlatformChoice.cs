using System.Runtime.InteropServices;

namespace Fairlead.Node.Images;

/// <summary>Which of an index's manifests runs on this machine.</summary>
internal static class PlatformChoice
{
    public static string Architecture { get; } = RuntimeInformation.ProcessArchitecture switch
    {
        System.Runtime.InteropServices.Architecture.X64 => "amd64",
        System.Runtime.InteropServices.Architecture.Arm64 => "arm64",
        var other => other.ToString().ToLowerInvariant(),
    };

    /// <summary>The first one for Linux on this processor, the plainest variant before others; null where there is none.</summary>
    public static Descriptor? Choose(IEnumerable<Descriptor> manifests)
    {
        var all = manifests.ToList();
        var fitting = all.Where(manifest => manifest.Platform is { Os: "linux" } platform && platform.Architecture == Architecture)
            .OrderBy(manifest => manifest.Platform!.Variant is null or "" or "v8" ? 0 : 1).FirstOrDefault();
        // An index of one manifest need not say what it is for.
        return fitting ?? (all is [{ Platform: null } only] ? only : null);
    }

    public static string Words(IEnumerable<Descriptor> manifests) =>
        string.Join(", ", manifests.Where(m => m.Platform is not null && m.Platform.Os != "unknown").Select(m => $"{m.Platform!.Os}/{m.Platform.Architecture}"));
}
