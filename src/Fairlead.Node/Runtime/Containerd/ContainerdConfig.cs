namespace Fairlead.Node.Runtime.Containerd;

/// <summary>containerd's configuration file (containerd documentation: "CRI Plugin Config Guide", version 2 of the file).</summary>
internal static class ContainerdConfig
{
    /// <summary>Snapshotters that look for their file systems, and what makes folders outside of ours.</summary>
    private static readonly string[] Disabled =
    [
        "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
        "io.containerd.internal.v1.opt", "io.containerd.internal.v1.restart",
    ];

    public static string Write(ContainerdPaths paths, string runtime) => $"""
        version = 2
        root = "{paths.Root}"
        state = "{paths.State}"
        disabled_plugins = [{string.Join(", ", Disabled.Select(name => $"\"{name}\""))}]

        [grpc]
        address = "{paths.Socket}"

        [debug]
        level = "warn"

        [plugins."io.containerd.grpc.v1.cri"]
        sandbox_image = "{BuiltInImages.SandboxName}"
        netns_mounts_under_state_dir = true
        stream_server_address = "127.0.0.1"
        stream_server_port = "0"
        # A profile in the kernel would stay behind.
        disable_apparmor = true
        restrict_oom_score_adj = {(OutOfMemoryScore.MayLower ? "false" : "true")}

        [plugins."io.containerd.grpc.v1.cri".cni]
        bin_dir = "{paths.Plugins}"
        conf_dir = "{paths.Networks}"

        [plugins."io.containerd.grpc.v1.cri".containerd]
        snapshotter = "overlayfs"
        default_runtime_name = "runc"

        [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
        runtime_type = "io.containerd.runc.v2"

        [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = "{runtime}"
        Root = "{paths.RuntimeState}"

        """;
}
