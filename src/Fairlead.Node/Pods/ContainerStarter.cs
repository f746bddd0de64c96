using System.Collections.Immutable;
using Fairlead.Node.Api;
using Fairlead.Node.Environment;
using Fairlead.Node.Runtime;
using Fairlead.Node.Volumes;
using k8s.Models;

namespace Fairlead.Node.Pods;

/// <summary>Why something of a pod was not started: reason and message of the waiting state.</summary>
internal sealed record Refusal(string Reason, string Message)
{
    /// <summary>A volume is not there: that is the whole pod's, and an event's reason rather than a state's.</summary>
    public const string FailedMount = "FailedMount";
}

/// <summary>Turns a container of a pod into one of the runtime: image, variables, volumes, files, security.</summary>
internal sealed class ContainerStarter(IPodApi api, IContainerRuntime runtime, IImageStore images, NodePaths paths, NodeContext node)
{
    /// <summary>Null when the container was handed to the runtime (whatever became of it), or why it was not.</summary>
    public async Task<Refusal?> StartAsync(V1Pod pod, PodSandbox sandbox, PodAction.Start start, CancellationToken cancel)
    {
        var container = start.Container;
        var (image, absent) = await FindImageAsync(pod, container, cancel);
        if (image is null) return absent;
        api.Normal(pod, container, "Pulled", $"Container image \"{container.Image}\" already present on machine");
        var (config, refusal) = await ConfigureAsync(pod, sandbox, start, image, cancel);
        if (config is null)
        {
            if (refusal!.Reason == Refusal.FailedMount) api.Warning(pod, null, Refusal.FailedMount, refusal.Message);
            else api.Warning(pod, container, "Failed", $"Error: {refusal.Message}");
            return refusal;
        }
        var state = await runtime.RunContainerAsync(config, cancel);
        if (state.Reason == "StartError")
        {
            api.Warning(pod, container, "Failed", $"Error: {state.Message}");
            return null;
        }
        api.Normal(pod, container, "Created", $"Created container: {container.Name}");
        api.Normal(pod, container, "Started", $"Started container {container.Name}");
        return null;
    }

    private async Task<(Image? Image, Refusal? Refusal)> FindImageAsync(V1Pod pod, V1Container container, CancellationToken cancel)
    {
        if (images.TryFind(container.Image, out var image)) return (image, null);
        if (container.ImagePullPolicy == "Never")
        {
            var absent = $"Container image \"{container.Image}\" is not present with pull policy of Never";
            api.Warning(pod, container, "ErrImageNeverPull", absent);
            return (null, new("ErrImageNeverPull", absent));
        }
        api.Normal(pod, container, "Pulling", $"Pulling image \"{container.Image}\"");
        var failure = await images.PullAsync(container.Image, cancel);
        if (failure is null && images.TryFind(container.Image, out image)) return (image, null);
        api.Warning(pod, container, "Failed", $"Failed to pull image \"{container.Image}\": {failure}");
        api.Warning(pod, container, "Failed", "Error: ErrImagePull");
        return (null, new("ErrImagePull", failure ?? $"image \"{container.Image}\" not found"));
    }

    private async Task<(ContainerConfig? Config, Refusal? Refusal)> ConfigureAsync(
        V1Pod pod, PodSandbox sandbox, PodAction.Start start, Image image, CancellationToken cancel)
    {
        var container = start.Container;
        var facts = new FieldPaths.Facts(sandbox.HostNetwork ? node.Address.ToString() : sandbox.Address, node.Address.ToString());
        var volumes = await new PodVolumes(api, pod, facts, paths.Pod(sandbox.PodUid)).MountAsync(cancel);
        if (volumes.Failure is { } absent) return (null, new(Refusal.FailedMount, absent));
        var (security, insecure) = SecurityRules.Of(pod, container);
        if (security is null) return (null, new("CreateContainerConfigError", insecure!));
        var variables = await new ContainerVariables(api, pod, facts).BuildAsync(container, image, HostName(sandbox), node.Services(), cancel);
        if (variables.Failure is { } unknown) return (null, new("CreateContainerConfigError", unknown));
        var lookup = variables.Variables.ToDictionary();
        var (mounts, unmounted) = MountRules.Of(container, volumes.Paths, lookup);
        if (unmounted is not null) return (null, new("CreateContainerConfigError", unmounted));
        var files = PodFiles.Write(pod, sandbox, node, paths);
        return (new ContainerConfig
        {
            Sandbox = sandbox,
            Name = container.Name,
            Init = start.Init,
            Attempt = start.Attempt,
            ImageName = container.Image,
            Image = image,
            Arguments = Command(container, image, lookup),
            Variables = variables.Variables,
            WorkingDirectory = container.WorkingDir is { Length: > 0 } folder ? Expansion.Expand(folder, lookup) : image.WorkingDirectory,
            Mounts = [.. files.Where(file => !mounts.Any(mount => mount.Target == file.Target)), .. mounts],
            Security = security,
            Resources = ResourceRules.Of(pod, container, node.Memory),
            Sysctls = SecurityRules.Sysctls(pod),
            HostPid = pod.Spec.HostPID == true,
            HostIpc = pod.Spec.HostIPC == true,
            Stdin = container.Stdin == true,
            StdinOnce = container.StdinOnce == true,
            Tty = container.Tty == true,
            TerminationMessagePath = container.TerminationMessagePath is { Length: > 0 } path ? path : "/dev/termination-log",
            MessageFromLog = container.TerminationMessagePolicy == "FallbackToLogsOnError",
        }, null);
    }

    private string HostName(PodSandbox sandbox) => sandbox.HostNetwork ? node.HostName : sandbox.HostName;

    /// <summary>The pod's command replaces the image's entrypoint and command; its args alone replace the image's command only.</summary>
    private static ImmutableArray<string> Command(V1Container container, Image image, Dictionary<string, string> variables)
    {
        IEnumerable<string> command = container.Command is { Count: > 0 } own ? own : image.Entrypoint;
        IEnumerable<string> args = container.Args is { Count: > 0 } given ? given : container.Command is { Count: > 0 } ? [] : image.Command;
        return [.. command.Concat(args).Select(word => Expansion.Expand(word, variables))];
    }
}
