using Xunit;

namespace Fairlead.System;

/// <summary>
/// The machine restarts, without a good-bye: what is on disk stays, and all else is gone: processes, namespaces, mounts, links, control groups and what
/// is in /run.
/// </summary>
public sealed class MachineRestartTests
{
    [Fact]
    public async Task Pods_AfterARestart_BeginAgainWhereTheyMust()
    {
        await using var own = new OwnCluster("reboot");
        await own.UpAsync();
        var kubectl = own.Kubectl;
        var host = Directory.CreateDirectory($"{own.Folder}/data").FullName;
        await kubectl.ApplyAsync($$"""
            apiVersion: v1
            kind: Pod
            metadata: { name: lives, labels: { app: lives } }
            spec:
              terminationGracePeriodSeconds: 0
              initContainers: [{ name: first, image: fairlead/host, command: [sh, -c, "echo first >> /host/order; echo made > /quick/made"], volumeMounts: [{ name: host, mountPath: /host }, { name: quick, mountPath: /quick }] }]
              containers:
              - name: main
                image: fairlead/host
                command: [sh, -c, "echo main >> /host/order; cat /quick/made; test -e /kept/file || echo first-run > /kept/file; exec fairlead echo"]
                readinessProbe: { httpGet: { port: 8080 }, periodSeconds: 1 }
                volumeMounts: [{ name: host, mountPath: /host }, { name: quick, mountPath: /quick }, { name: kept, mountPath: /kept }]
              volumes: [{ name: host, hostPath: { path: {{host}} } }, { name: quick, emptyDir: { medium: Memory } }, { name: kept, emptyDir: {} }]
            ---
            { apiVersion: v1, kind: Pod, metadata: { name: once }, spec: { restartPolicy: Never, terminationGracePeriodSeconds: 0, containers: [{ name: main, image: fairlead/host, command: [sleep, "1000"] }] } }
            ---
            { apiVersion: v1, kind: Pod, metadata: { name: done }, spec: { restartPolicy: OnFailure, containers: [{ name: main, image: fairlead/host, command: [echo, done] }] } }
            ---
            { apiVersion: v1, kind: Service, metadata: { name: lives }, spec: { selector: { app: lives }, ports: [{ port: 80, targetPort: 8080 }] } }
            """);
        await kubectl.RunAsync("wait", "--for=condition=Ready", "pod/lives", "pod/once", "--timeout=60s");
        await kubectl.RunAsync("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/done", "--timeout=60s");

        await LosePowerAsync(own.Name);
        await own.UpAsync();

        const string Main = ".status.containerStatuses[0]";
        await Until.AsyncHolds(() => kubectl.RunAsync("get", "pod", "lives", "-o", $"jsonpath={{{Main}.restartCount}} {{{Main}.ready}}"), state => state == "1 true", "it runs again");
        Assert.Equal("255 Unknown", await kubectl.RunAsync("get", "pod", "lives", "-o", $"jsonpath={{{Main}.lastState.terminated['exitCode','reason']}}"));
        // A sandbox of its own, so its init container again, and a memory of its own; what is on disk is as it was.
        Assert.Equal(["first", "main", "first", "main"], await File.ReadAllLinesAsync($"{host}/order", TestContext.Current.CancellationToken));
        Assert.Equal("1 true", await kubectl.RunAsync("get", "pod", "lives", "-o", "jsonpath={.status.initContainerStatuses[0]['restartCount','ready']}"));
        Assert.StartsWith("made\n", await kubectl.RunAsync("logs", "lives"), StringComparison.Ordinal);
        Assert.Equal("tmpfs first-run", (await kubectl.RunAsync("exec", "lives", "--", "sh", "-c", "echo $(stat -f -c %T /quick) $(cat /kept/file)")).Trim());
        Assert.Contains("You've hit lives", (await kubectl.CurlAsync("lives", $"http://{await kubectl.ClusterIpAsync("lives")}/")).Output, StringComparison.Ordinal);
        // That one may not begin again, and this one need not.
        await Until.AsyncHolds(() => kubectl.RunAsync("get", "pod", "once", "-o", $"jsonpath={{.status.phase}} {{{Main}.state.terminated.exitCode}} {{{Main}.restartCount}}"), state => state == "Failed 255 0", "it has failed");
        Assert.Equal("Succeeded 0", await kubectl.RunAsync("get", "pod", "done", "-o", $"jsonpath={{.status.phase}} {{{Main}.restartCount}}"));
        await Until.AsyncHolds(() => Task.FromResult(PodTraces.Of(own.Name)), traces => traces is { Folders: 3, Addresses: 1, Groups: 1, Supervisors: 1 }, "one pod has an address, a group and a supervisor");

        await kubectl.RunAsync("delete", "pods", "--all", "--timeout=60s");
        await Until.AsyncHolds(() => Task.FromResult(PodTraces.Of(own.Name)), traces => traces == default, "nothing is left of any pod");
    }

    /// <summary>What a restart of the machine ends, of one cluster on it.</summary>
    private static async Task LosePowerAsync(string cluster)
    {
        bool IsOurs(string line) => new[] { $"/{cluster}/", $"/{cluster}\0", $"\0{cluster}\0" }.Any(word => line.Contains(word, StringComparison.Ordinal));
        await Processes.KillAsync(line => IsOurs(line) && (line.Contains("\0agent\0", StringComparison.Ordinal) || line.Contains("\0server\0", StringComparison.Ordinal)));
        await Processes.KillAsync(line => IsOurs(line) && line.Contains("/conmon\0", StringComparison.Ordinal));
        var groups = Directory.EnumerateDirectories("/sys/fs/cgroup").Prepend("/sys/fs/cgroup").Select(hierarchy => $"{hierarchy}/fairlead/{cluster}").Where(Directory.Exists).ToList();
        foreach (var id in groups.SelectMany(Members).Distinct()) await Command.TryAsync("kill", ["-9", id]);
        await Until.AsyncHolds(() => Task.FromResult(groups.SelectMany(Members).Count()), count => count == 0, "no process is left");
        foreach (var group in groups) await Command.RunAsync("find", group, "-depth", "-type", "d", "-delete");
        // The newest first; with its last mount a namespace goes, and with that its links.
        var mounts = File.ReadLines("/proc/self/mountinfo").Select(line => line.Split(' ')[4]).Where(target => target.Contains($"/fairlead/{cluster}/", StringComparison.Ordinal)).Reverse().ToList();
        foreach (var mount in mounts) await Command.RunAsync("umount", "-l", mount);
        Directory.Delete($"/run/fairlead/{cluster}", recursive: true);
        await Command.RunAsync("ip", "link", "delete", BridgeOf(cluster));
        // The next boot has another name.
        var state = $"/var/lib/fairlead/{cluster}/cluster.json";
        var noted = await File.ReadAllTextAsync(state);
        var boot = (await File.ReadAllTextAsync("/proc/sys/kernel/random/boot_id")).Trim();
        Assert.Contains(boot, noted, StringComparison.Ordinal);
        await File.WriteAllTextAsync(state, noted.Replace(boot, Guid.NewGuid().ToString(), StringComparison.Ordinal));
    }

    /// <summary>A name that is too long for a link is told by a hash of it.</summary>
    private static string BridgeOf(string cluster) =>
        "fl-" + (cluster.Length <= 12 ? cluster : Convert.ToHexStringLower(global::System.Security.Cryptography.SHA256.HashData(global::System.Text.Encoding.UTF8.GetBytes(cluster)))[..8]);

    private static IEnumerable<string> Members(string group) =>
        Directory.EnumerateFiles(group, "cgroup.procs", SearchOption.AllDirectories).SelectMany(File.ReadAllLines);
}
