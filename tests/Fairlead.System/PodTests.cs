using Xunit;

namespace Fairlead.System;

/// <summary>What is inside a pod, as a program there finds it: environment, names, files, privileges.</summary>
public sealed class PodTests(Cluster cluster)
{
    private static async Task StartAsync(Kubectl kubectl, string manifest, params string[] pods)
    {
        await kubectl.ApplyAsync(manifest);
        await kubectl.RunAsync(["wait", "--for=condition=Ready", .. pods.Select(pod => $"pod/{pod}"), "--timeout=60s"]);
    }

    private static Task<string> ShAsync(Kubectl kubectl, string pod, string script) => kubectl.RunAsync("exec", pod, "-c", "main", "--", "sh", "-c", script);

    [Fact]
    public async Task Environment_OfAContainer_IsWhatItsPodServicesAndObjectsSay()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.ApplyAsync("""
            apiVersion: v1
            kind: Service
            metadata: { name: kubia }
            spec: { selector: { app: kubia }, ports: [{ name: http, port: 80, targetPort: 8080 }, { name: https, port: 443, targetPort: 8443 }] }
            ---
            apiVersion: v1
            kind: ConfigMap
            metadata: { name: settings }
            data: { colour: blue, SIZE: large }
            ---
            apiVersion: v1
            kind: Secret
            metadata: { name: hidden }
            stringData: { password: "s3cret" }
            """);
        var address = await kubectl.ClusterIpAsync("kubia");
        await StartAsync(kubectl, """
            apiVersion: v1
            kind: Pod
            metadata: { name: told, labels: { app: told }, annotations: { note: here } }
            spec:
              terminationGracePeriodSeconds: 0
              containers:
              - name: main
                image: fairlead/host
                command: [sh, -c, "echo '$(GREETING) $$(GREETING) $(NOBODY)'; sleep 1000"]
                resources: { limits: { memory: 64Mi, cpu: 1500m } }
                envFrom: [{ prefix: S_, configMapRef: { name: settings } }]
                env:
                - { name: COLOUR, valueFrom: { configMapKeyRef: { name: settings, key: colour } } }
                - { name: PASSWORD, valueFrom: { secretKeyRef: { name: hidden, key: password } } }
                - { name: MISSING, valueFrom: { secretKeyRef: { name: none, key: none, optional: true } } }
                - { name: POD, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
                - { name: APP, valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } }
                - { name: NOTE, valueFrom: { fieldRef: { fieldPath: "metadata.annotations['note']" } } }
                - { name: NODE, valueFrom: { fieldRef: { fieldPath: spec.nodeName } } }
                - { name: ADDRESS, valueFrom: { fieldRef: { fieldPath: status.podIP } } }
                - { name: MEMORY, valueFrom: { resourceFieldRef: { resource: limits.memory, divisor: 1Mi } } }
                - { name: CORES, valueFrom: { resourceFieldRef: { resource: limits.cpu } } }
                - { name: GREETING, value: "a $(COLOUR) $(POD) of $(KUBIA_SERVICE_HOST)" }
            ---
            apiVersion: v1
            kind: Pod
            metadata: { name: untold }
            spec: { terminationGracePeriodSeconds: 0, enableServiceLinks: false, containers: [{ name: main, image: fairlead/host, command: [sleep, "1000"] }] }
            """, "told", "untold");

        var told = (await kubectl.RunAsync("exec", "told", "--", "env")).Split('\n');
        foreach (var line in (string[])
        [
            $"KUBIA_SERVICE_HOST={address}", "KUBIA_SERVICE_PORT=80", "KUBIA_SERVICE_PORT_HTTP=80", "KUBIA_SERVICE_PORT_HTTPS=443", $"KUBIA_PORT=tcp://{address}:80",
            $"KUBIA_PORT_80_TCP=tcp://{address}:80", "KUBIA_PORT_80_TCP_PROTO=tcp", "KUBIA_PORT_80_TCP_PORT=80", $"KUBIA_PORT_80_TCP_ADDR={address}", $"KUBIA_PORT_443_TCP=tcp://{address}:443",
            "KUBERNETES_SERVICE_HOST=10.96.0.1", "KUBERNETES_SERVICE_PORT_HTTPS=443", "COLOUR=blue", "S_colour=blue", "S_SIZE=large", "PASSWORD=s3cret", "POD=told", "APP=told", "NOTE=here", "NODE=node1",
            "MEMORY=64", "CORES=2", $"GREETING=a blue told of {address}", "HOSTNAME=told", $"ADDRESS={await kubectl.RunAsync("get", "pod", "told", "-o", "jsonpath={.status.podIP}")}",
        ]) Assert.Contains(line, told);
        Assert.DoesNotContain(told, line => line.StartsWith("MISSING", StringComparison.Ordinal));
        Assert.Equal($"a blue told of {address} $(GREETING) $(NOBODY)", await kubectl.RunAsync("logs", "told"));
        var untold = (await kubectl.RunAsync("exec", "untold", "--", "env")).Split('\n');
        Assert.Contains("KUBERNETES_SERVICE_HOST=10.96.0.1", untold);
        Assert.DoesNotContain(untold, line => line.StartsWith("KUBIA", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Names_ResolverAndHosts_AreWhatThePodAsksFor()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        string Pod(string name, string spec) =>
            $"---\n{{ apiVersion: v1, kind: Pod, metadata: {{ name: {name} }}, spec: {{ terminationGracePeriodSeconds: 0, {spec}, containers: [{{ name: main, image: fairlead/host, command: [sleep, '1000'] }}] }} }}\n";
        await StartAsync(kubectl,
            Pod("first", "hostname: own, subdomain: group, hostAliases: [{ ip: 10.9.8.7, hostnames: [old, older] }]")
            + Pod("whole", "hostname: own2, subdomain: group, setHostnameAsFQDN: true")
            + Pod("nodes", "dnsPolicy: ClusterFirstWithHostNet, hostNetwork: true")
            + Pod("default", "dnsPolicy: Default")
            + Pod("none", "dnsPolicy: None, dnsConfig: { nameservers: [192.0.2.53], searches: [a.example], options: [{ name: ndots, value: '2' }, { name: edns0 }] }"),
            "first", "whole", "nodes", "default", "none");

        var search = $"search {kubectl.Namespace}.svc.cluster.local svc.cluster.local cluster.local";
        foreach (var pod in (string[])["first", "nodes"])
        {
            var lines = (await ShAsync(kubectl, pod, "cat /etc/resolv.conf")).Split('\n');
            Assert.StartsWith(search, lines.Single(line => line.StartsWith("search", StringComparison.Ordinal)), StringComparison.Ordinal);
            Assert.Contains("nameserver 10.96.0.10", lines);
            Assert.Contains("options ndots:5", lines);
        }
        Assert.DoesNotContain("svc.cluster.local", await ShAsync(kubectl, "default", "cat /etc/resolv.conf"), StringComparison.Ordinal);
        Assert.Equal(["nameserver 192.0.2.53", "options ndots:2 edns0", "search a.example"], (await ShAsync(kubectl, "none", "cat /etc/resolv.conf")).Split('\n').Order());
        Assert.Equal("own", await ShAsync(kubectl, "first", "hostname"));
        Assert.Equal($"own2.group.{kubectl.Namespace}.svc.cluster.local", await ShAsync(kubectl, "whole", "hostname"));
        Assert.Equal(await kubectl.RunAsync("get", "node", "node1", "-o", "jsonpath={.status.addresses[?(@.type==\"Hostname\")].address}"), await ShAsync(kubectl, "nodes", "hostname"));
        var hosts = await ShAsync(kubectl, "first", "cat /etc/hosts");
        var address = await kubectl.RunAsync("get", "pod", "first", "-o", "jsonpath={.status.podIP}");
        Assert.Matches($@"(?m)^{address}\s+own\.group\.{kubectl.Namespace}\.svc\.cluster\.local\s+own$", hosts);
        Assert.Matches(@"(?m)^10\.9\.8\.7\s+old\s+older$", hosts);
    }

    [Fact]
    public async Task Volumes_OfEachKind_HoldTheirFilesAndFollowTheirObjects()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        var host = Directory.CreateTempSubdirectory("fairlead-volume-");
        await File.WriteAllTextAsync($"{host}/file", "of the host");
        await kubectl.RunAsync("create", "configmap", "settings", "--from-literal=colour=blue", "--from-literal=size=large");
        await kubectl.RunAsync("create", "secret", "generic", "hidden", "--from-literal=password=s3cret");
        await StartAsync(kubectl, $$"""
            apiVersion: v1
            kind: Pod
            metadata: { name: full, labels: { app: full } }
            spec:
              terminationGracePeriodSeconds: 0
              securityContext: { fsGroup: 4000 }
              containers:
              - name: main
                image: fairlead/host
                command: [sleep, "1000"]
                resources: { limits: { memory: 64Mi } }
                volumeMounts:
                - { name: empty, mountPath: /v/empty }
                - { name: memory, mountPath: /v/memory }
                - { name: settings, mountPath: /v/settings }
                - { name: settings, mountPath: /v/one, subPath: colour }
                - { name: hidden, mountPath: /v/hidden, readOnly: true }
                - { name: downward, mountPath: /v/downward }
                - { name: all, mountPath: /v/all }
                - { name: host, mountPath: /v/host, readOnly: true }
              volumes:
              - { name: empty, emptyDir: {} }
              - { name: memory, emptyDir: { medium: Memory, sizeLimit: 16Mi } }
              - { name: settings, configMap: { name: settings, items: [{ key: colour, path: colour }, { key: size, path: deep/size, mode: 0400 }] } }
              - { name: hidden, secret: { secretName: hidden, defaultMode: 0440 } }
              - { name: downward, downwardAPI: { items: [{ path: labels, fieldRef: { fieldPath: metadata.labels } }, { path: memory, resourceFieldRef: { containerName: main, resource: limits.memory } }] } }
              - name: all
                projected:
                  sources: [{ configMap: { name: settings } }, { secret: { name: hidden } }, { serviceAccountToken: { path: token, audience: others, expirationSeconds: 600 } }]
              - { name: host, hostPath: { path: {{host}}, type: Directory } }
            """, "full");

        Assert.Equal("blue|large|blue|s3cret|app=\"full\"|67108864|blue s3cret|of the host", await ShAsync(kubectl, "full",
            "cd /v; echo \"$(cat settings/colour)|$(cat settings/deep/size)|$(cat one)|$(cat hidden/password)|$(cat downward/labels)|$(cat downward/memory)|$(cat all/colour) $(cat all/password)|$(cat host/file)\""));
        Assert.Equal("tmpfs 16384K 4000 440 2", await ShAsync(kubectl, "full",
            "echo $(awk '$2 == \"/v/memory\" {print $3, $4}' /proc/mounts | sed 's/ .*size=\\([0-9]*\\)k.*/ \\1K/') $(stat -c %g /v/empty) $(stat -Lc %a /v/hidden/password) $(tr -cd . </v/all/token | wc -c)"));
        Assert.Equal("2", await ShAsync(kubectl, "full", "n=0; touch /v/host/x 2>/dev/null || n=1; touch /v/hidden/x 2>/dev/null || n=$((n+1)); echo $n"));
        Assert.Contains("\"system:serviceaccount:", await ShAsync(kubectl, "full", "curl -sS --cacert /var/run/secrets/kubernetes.io/serviceaccount/ca.crt -H \"Authorization: Bearer $(cat /var/run/secrets/kubernetes.io/serviceaccount/token)\" "
            + "-H 'Content-Type: application/json' -d '{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"SelfSubjectReview\"}' https://$KUBERNETES_SERVICE_HOST/apis/authentication.k8s.io/v1/selfsubjectreviews"), StringComparison.Ordinal);

        await kubectl.RunAsync("patch", "configmap", "settings", "-p", "{\"data\":{\"colour\":\"red\"}}");
        await kubectl.RunAsync("label", "pod", "full", "more=yes");

        await Until.AsyncHolds(() => ShAsync(kubectl, "full", "cat /v/settings/colour /v/all/colour"), text => text == "redred", "both volumes follow");
        await Until.AsyncHolds(() => ShAsync(kubectl, "full", "cat /v/downward/labels"), text => text == "app=\"full\"\nmore=\"yes\"", "so does the downward one");
        // What is mounted by a subPath stays as it was.
        Assert.Equal("blue", await ShAsync(kubectl, "full", "cat /v/one"));
        await kubectl.RunAsync("delete", "pod", "full", "--timeout=30s");
        Assert.Equal("of the host", await File.ReadAllTextAsync($"{host}/file"));
        host.Delete(recursive: true);
    }

    [Fact]
    public async Task Privileges_AndResources_AreThoseOfTheSecurityContext()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await StartAsync(kubectl, """
            apiVersion: v1
            kind: Pod
            metadata: { name: locked }
            spec:
              terminationGracePeriodSeconds: 0
              securityContext: { runAsUser: 1234, runAsGroup: 4321, seccompProfile: { type: RuntimeDefault }, sysctls: [{ name: net.ipv4.tcp_syncookies, value: "0" }] }
              containers:
              - name: main
                image: fairlead/host
                command: [sleep, "1000"]
                resources: { requests: { cpu: 250m }, limits: { memory: 64Mi, cpu: 500m } }
                securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: [ALL], add: [NET_BIND_SERVICE] } }
            ---
            apiVersion: v1
            kind: Pod
            metadata: { name: open }
            spec:
              terminationGracePeriodSeconds: 0
              containers: [{ name: main, image: fairlead/host, command: [sleep, "1000"], securityContext: { privileged: true } }]
            """, "locked", "open");

        Assert.Equal("1234 4321 1 2 0000000000000400 1 0", await ShAsync(kubectl, "locked",
            "echo $(id -u) $(id -g) $(awk '/^NoNewPrivs/ {n=$2} /^Seccomp:/ {s=$2} /^CapBnd/ {c=$2} END {print n, s, c}' /proc/1/status) $(touch /x 2>/dev/null; echo $?) $(cat /proc/sys/net/ipv4/tcp_syncookies)"));
        Assert.Equal("67108864 50000", await ShAsync(kubectl, "locked",
            "cd /sys/fs/cgroup; echo $(cat memory.max memory/memory.limit_in_bytes 2>/dev/null) $(cut -d' ' -f1 cpu.max 2>/dev/null || cat cpu/cpu.cfs_quota_us)"));
        Assert.Equal("0 0", await ShAsync(kubectl, "open", "mount -t tmpfs none /mnt; echo $? $(awk '/^Seccomp:/ {print $2}' /proc/1/status)"));
        Assert.Equal("Burstable BestEffort", await kubectl.RunAsync("get", "pods", "locked", "open", "-o", "jsonpath={.items[*].status.qosClass}"));
    }
}
