namespace Fairlead.Node;

/// <summary>Where the agent keeps things. What is below Run is gone after a reboot, and so are the containers that it tells of.</summary>
internal sealed class NodePaths
{
    public NodePaths(NodeAgentOptions options)
    {
        Root = options.RootDirectory ?? $"/var/lib/fairlead/{options.ClusterName}/nodes/{options.NodeName}";
        Run = options.RunDirectory ?? $"/run/fairlead/{options.ClusterName}/{options.NodeName}";
        Images = options.ImageDirectory ?? $"/var/lib/fairlead/{options.ClusterName}/images";
        CgroupParent = $"/fairlead/{options.ClusterName}/{options.NodeName}";
    }

    public string Root { get; }

    public string Run { get; }

    /// <summary>Images, which the nodes of a cluster share on one machine.</summary>
    public string Images { get; }

    /// <summary>Parent of the pods' cgroups, in every hierarchy.</summary>
    public string CgroupParent { get; }

    public string Pods => $"{Root}/pods";

    public string Addresses => $"{Root}/addresses";

    /// <summary>The node's range of pod addresses, as it was last told.</summary>
    public string PodCidr => $"{Root}/pod-cidr";

    /// <summary>The node's /var/log.</summary>
    public string LogRoot => $"{Root}/log";

    /// <summary>Container logs, laid out as kubelet lays out /var/log/pods.</summary>
    public string Logs => $"{LogRoot}/pods";

    /// <summary>conmon writes one file a container here when it has ended.</summary>
    public string Exits => $"{Run}/exits";

    /// <summary>One file an exec here, with its process id, as soon as it runs.</summary>
    public string Execs => $"{Run}/exec";

    /// <summary>Profiles that pods name with seccompProfile type Localhost.</summary>
    public string Seccomp => $"{Root}/seccomp";

    public string AttachSockets => $"{Run}/attach";

    /// <summary>The OCI runtime's own state.</summary>
    public string RuntimeState => $"{Run}/runtime";

    /// <summary>Where network plugins of a container runtime ask for a pod's network.</summary>
    public string NetworkSocket => $"{Run}/cni.sock";

    public string Pod(string uid) => $"{Pods}/{uid}";

    public string Namespaces(string uid) => $"{Run}/pods/{uid}";

    public string Container(string uid, string id) => $"{Pod(uid)}/containers/{id}";

    public string PodLogs(string ns, string name, string uid) => $"{Logs}/{ns}_{name}_{uid}";

    public string PodCgroup(string uid) => $"{CgroupParent}/pod{uid}";

    public void CreateFolders()
    {
        foreach (var folder in (string[])[Pods, Addresses, Logs, Exits, Execs, AttachSockets, RuntimeState, $"{Run}/pods"])
            Directory.CreateDirectory(folder);
    }
}
