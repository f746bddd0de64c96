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
    public IImageStore Images => images;

    /// <summary>Null when the container was handed to the runtime (whatever became of it), or why it was not.</summary>
    public async Task<Refusal?> StartAsync(V1Pod pod, PodSandbox sandbox, PodAction.Start start, Image image, CancellationToken cancel)
    {
        var container = start.Container;
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

    /// <summary>Brings the volumes of a running pod up to date; answers why that was not possible, or null.</summary>
    public async Task<string?> RefreshVolumesAsync(V1Pod pod, PodSandbox sandbox, bool renewTokens, CancellationToken cancel) =>
        (await new PodVolumes(api, pod, FactsOf(sandbox), paths.Pod(sandbox.PodUid), renewTokens).MountAsync(cancel)).Failure;

    private FieldPaths.Facts FactsOf(PodSandbox sandbox) => new(sandbox.HostNetwork ? node.Address.ToString() : sandbox.Address, node.Address.ToString());

    private async Task<(ContainerConfig? Config, Refusal? Refusal)> ConfigureAsync(
        V1Pod pod, PodSandbox sandbox, PodAction.Start start, Image image, CancellationToken cancel)
    {
        var container = start.Container;
        var facts = FactsOf(sandbox);
        var volumes = await new PodVolumes(api, pod, facts, paths.Pod(sandbox.PodUid)).MountAsync(cancel);
        if (volumes.Failure is { } absent) return (null, new(Refusal.FailedMount, absent));
        var (security, insecure) = SecurityRules.Of(pod, container, image.User);
        var (confined, unconfinable) = security is null ? (null, insecure) : SeccompRules.Apply(security, pod, container, paths.Seccomp);
        if (confined is null) return (null, new("CreateContainerConfigError", unconfinable!));
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
            Command = Expand(container.Command, lookup),
            ExtraArguments = Expand(container.Args, lookup),
            Variables = variables.Variables,
            WorkingDirectory = container.WorkingDir is { Length: > 0 } folder ? Expansion.Expand(folder, lookup) : image.WorkingDirectory,
            Mounts = [.. files.Where(file => !mounts.Any(mount => mount.Target == file.Target)), .. mounts],
            Security = confined,
            JoinedContainer = EphemeralContainers.TargetOf(pod, container.Name) is { } target ? runtime.Observe(sandbox.PodUid).Latest(target)?.Id : null,
            Resources = ResourceRules.Of(pod, container, node.Memory),
            Sysctls = SecurityRules.Sysctls(pod),
            HostPid = pod.Spec.HostPID == true,
            SharedProcesses = pod.Spec.ShareProcessNamespace == true,
            HostIpc = pod.Spec.HostIPC == true,
            Stdin = container.Stdin == true,
            StdinOnce = container.StdinOnce == true,
            Tty = container.Tty == true,
            TerminationMessagePath = container.TerminationMessagePath is { Length: > 0 } path ? path : "/dev/termination-log",
            MessageFromLog = container.TerminationMessagePolicy == "FallbackToLogsOnError",
        }, null);
    }

    private string HostName(PodSandbox sandbox) => sandbox.HostNetwork ? node.HostName : sandbox.HostName;

    private static ImmutableArray<string> Expand(IList<string>? words, Dictionary<string, string> variables) =>
        [.. (words ?? []).Select(word => Expansion.Expand(word, variables))];
}
