using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Images;

/// <summary>
/// Removes images that no container uses when the disk becomes full: above the high threshold, the longest unused first, down to the
/// low one (Kubernetes documentation: "Garbage Collection", "Container image lifecycle").
/// </summary>
internal sealed class ImageCollector(ImageStore store, Func<IReadOnlyList<ImageUse>> uses, ImageLimits limits, ILogger log, TimeProvider time)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(5);

    /// <summary>Percent of the images' file system that is in use.</summary>
    public Func<double> DiskUse { get; init; } = () => UseOf(new DriveInfo(store.Root));

    /// <summary>Looks at once and every 5 minutes, until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                await CollectAsync(cancel);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                ImageLog.NotCollected(log, e.Message);
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                return;
            }
            await Task.Delay(Interval, time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Looks once, and removes what must go; answers the names that are gone.</summary>
    public async Task<IReadOnlyList<string>> CollectAsync(CancellationToken cancel)
    {
        var gone = new List<string>();
        if (limits.High == 100 || !Directory.Exists(store.Root) || DiskUse() < limits.High) return gone;
        foreach (var names in Candidates(time.GetUtcNow()))
        {
            var use = DiskUse();
            if (use <= limits.Low) break;
            await store.RemoveAsync([.. names.Select(image => image.Name)], uses, cancel);
            gone.AddRange(names.Select(image => image.Name));
            ImageLog.Collected(log, use, limits.High, names[0].Name, names[0].Size);
        }
        if (gone.Count == 0) ImageLog.NotCollected(log, $"disk use is {DiskUse():F0} % and every image is in use or too young");
        return gone;
    }

    private List<List<NamedImage>> Candidates(DateTimeOffset now)
    {
        var inUse = uses();
        return
        [
            .. store.Images.GroupBy(image => image.Manifest)
                .Where(same => store.UserOf(same.First(), inUse) is null && now - store.LastUsed(same.Key) >= limits.MinimumAge)
                .OrderBy(same => store.LastUsed(same.Key)).Select(same => same.ToList()),
        ];
    }

    private static double UseOf(DriveInfo drive) => 100.0 * (drive.TotalSize - drive.AvailableFreeSpace) / drive.TotalSize;
}
