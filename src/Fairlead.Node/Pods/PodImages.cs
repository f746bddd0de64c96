using System.Collections.Immutable;
using System.Globalization;
using Fairlead.Node.Api;
using Fairlead.Node.Images;
using Fairlead.Node.Runtime;
using k8s.Models;

namespace Fairlead.Node.Pods;

/// <summary>An image to start from, or why there is none; neither while it is being pulled.</summary>
internal readonly record struct ImageAnswer(Image? Image, Refusal? Refusal);

/// <summary>
/// The images of one pod's containers, by their pull policies, with kubelet's events (Kubernetes documentation: "Images", "Image pull
/// policy"). A pull goes on in the background, one for each container, and brings the pod back when it ends.
/// </summary>
internal sealed class PodImages(IPodApi api, IImageStore images, TimeProvider time, Action<string, TimeSpan> again) : IDisposable
{
    public const string ErrImagePull = nameof(ErrImagePull);
    public const string ErrImageNeverPull = nameof(ErrImageNeverPull);
    private readonly Dictionary<string, Task<Pulled>> _pulls = [];
    private readonly CancellationTokenSource _stop = new();

    private sealed record Pulled(string? Failure, long Bytes, TimeSpan Took);

    /// <summary>Names of the containers whose image is on its way.</summary>
    public ImmutableHashSet<string> Pulling => [.. _pulls.Where(pull => !pull.Value.IsCompleted).Select(pull => pull.Key)];

    /// <summary>Whether an image would now be found without asking a registry.</summary>
    public bool IsHere(V1Container container) => container.ImagePullPolicy != "Always" && images.TryFind(container.Image, out _);

    public async Task<ImageAnswer> TakeAsync(V1Pod pod, V1Container container)
    {
        var name = container.Image;
        if (_pulls.TryGetValue(container.Name, out var pull))
        {
            if (!pull.IsCompleted) return default;
            _pulls.Remove(container.Name);
            return Answer(pod, container, await pull);
        }
        if (ImageReference.TryParse(name) is null)
        {
            var message = $"Failed to apply default image tag \"{name}\": couldn't parse image name \"{name}\": invalid reference format";
            api.Warning(pod, container, "InspectFailed", message);
            api.Warning(pod, container, "Failed", "Error: InvalidImageName");
            return new(null, new("InvalidImageName", message));
        }
        var isHere = images.TryFind(name, out var image);
        if (isHere && (image!.IsBuiltIn || container.ImagePullPolicy != "Always"))
        {
            api.Normal(pod, container, "Pulled", $"Container image \"{name}\" already present on machine");
            return new(image, null);
        }
        if (container.ImagePullPolicy == "Never")
        {
            var absent = $"Container image \"{name}\" is not present with pull policy of Never";
            api.Warning(pod, container, ErrImageNeverPull, absent);
            return new(null, new(ErrImageNeverPull, absent));
        }
        api.Normal(pod, container, "Pulling", $"Pulling image \"{name}\"");
        var started = _pulls[container.Name] = PullAsync(pod, name);
        // When the task is completed, so that who comes back finds it so.
        _ = started.ContinueWith(_ => again(pod.Metadata.Uid, TimeSpan.Zero), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        return default;
    }

    /// <summary>The pod is being deleted: it needs no image any more.</summary>
    public void Cancel() => _stop.Cancel();

    public void Dispose()
    {
        _stop.Cancel();
        _stop.Dispose();
    }

    private ImageAnswer Answer(V1Pod pod, V1Container container, Pulled pulled)
    {
        var failure = pulled.Failure;
        if (failure is not null && IsHere(container) && images.TryFind(container.Image, out var imported))
        {
            // It was imported meanwhile.
            api.Normal(pod, container, "Pulled", $"Container image \"{container.Image}\" already present on machine");
            return new(imported, null);
        }
        if (failure is null && images.TryFind(container.Image, out var image))
        {
            var took = Text(pulled.Took);
            api.Normal(pod, container, "Pulled", $"Successfully pulled image \"{container.Image}\" in {took} ({took} including waiting). Image size: {pulled.Bytes} bytes.");
            return new(image, null);
        }
        failure ??= $"image \"{container.Image}\" is gone again";
        api.Warning(pod, container, "Failed", $"Failed to pull image \"{container.Image}\": {failure}");
        api.Warning(pod, container, "Failed", "Error: ErrImagePull");
        return new(null, new(ErrImagePull, failure));
    }

    private async Task<Pulled> PullAsync(V1Pod pod, string name)
    {
        var began = time.GetTimestamp();
        var cancel = _stop.Token;
        try
        {
            var result = await images.PullAsync(name, await FindSecretsAsync(pod, cancel), cancel);
            return new(result.Failure, result.Bytes, time.GetElapsedTime(began));
        }
        catch (OperationCanceledException)
        {
            return new("context canceled", 0, time.GetElapsedTime(began));
        }
        catch (Exception e) when (e is Fairlead.Kube.Client.KubeApiException or HttpRequestException or IOException)
        {
            return new(e.Message, 0, time.GetElapsedTime(began));
        }
    }

    private async Task<IReadOnlyCollection<byte[]>> FindSecretsAsync(V1Pod pod, CancellationToken cancel)
    {
        var configs = new List<byte[]>();
        var missing = new List<string>();
        foreach (var reference in pod.Spec.ImagePullSecrets ?? [])
        {
            var secret = await api.FindSecretAsync(pod.Metadata.NamespaceProperty, reference.Name, cancel);
            var data = secret?.Data?.FirstOrDefault(entry => entry.Key is ".dockerconfigjson" or ".dockercfg").Value;
            if (data is null) missing.Add(reference.Name);
            else configs.Add(data);
        }
        if (missing.Count > 0)
        {
            api.Warning(pod, null, "FailedToRetrieveImagePullSecret",
                $"Unable to retrieve some image pull secrets ({string.Join(", ", missing)}); attempting to pull the image may not succeed.");
        }
        return configs;
    }

    /// <summary>As Go prints a duration that was rounded to milliseconds: <c>850ms</c>, <c>1.25s</c>, <c>1m2.5s</c>.</summary>
    internal static string Text(TimeSpan took)
    {
        if (took < TimeSpan.FromSeconds(1)) return string.Create(CultureInfo.InvariantCulture, $"{took.TotalMilliseconds:F0}ms");
        var seconds = string.Create(CultureInfo.InvariantCulture, $"{took.TotalSeconds % 60:0.###}s");
        return took < TimeSpan.FromMinutes(1) ? seconds : $"{(int)took.TotalMinutes}m{seconds}";
    }
}
