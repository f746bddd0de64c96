using Fairlead.Testing;
using Xunit;

namespace Fairlead.System;

/// <summary>`fairlead dns` where kubeadm has CoreDNS: in its Deployment, with its Corefile, roles, probes and restrictions.</summary>
public sealed class DnsDropInTests(Cluster cluster)
{
    // The Corefile is kubeadm's as it stands; of the rest, names that are not unique to the namespace, image and command are changed.
    private const string Manifest = """
        { apiVersion: v1, kind: ServiceAccount, metadata: { name: coredns } }
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRole
        metadata: { name: "system:coredns-NAMESPACE" }
        rules:
        - { apiGroups: [ "" ], resources: [ endpoints, services, pods, namespaces ], verbs: [ list, watch ] }
        - { apiGroups: [ discovery.k8s.io ], resources: [ endpointslices ], verbs: [ list, watch ] }
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRoleBinding
        metadata: { name: "system:coredns-NAMESPACE" }
        roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "system:coredns-NAMESPACE" }
        subjects: [ { kind: ServiceAccount, name: coredns, namespace: NAMESPACE } ]
        ---
        apiVersion: v1
        kind: ConfigMap
        metadata: { name: coredns }
        data:
          Corefile: |
            COREFILE
          kubeconfig: |
            apiVersion: v1
            kind: Config
            current-context: in
            contexts: [ { name: in, context: { cluster: in, user: in } } ]
            clusters: [ { name: in, cluster: { server: "https://10.96.0.1", certificate-authority: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt } } ]
            users: [ { name: in, user: { tokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token } } ]
        ---
        apiVersion: v1
        kind: Service
        metadata: { name: dns, annotations: { prometheus.io/port: "9153", prometheus.io/scrape: "true" } }
        spec:
          selector: { k8s-app: kube-dns }
          ports:
          - { name: dns, port: 53, protocol: UDP, targetPort: 53 }
          - { name: dns-tcp, port: 53, protocol: TCP, targetPort: 53 }
          - { name: metrics, port: 9153, protocol: TCP, targetPort: 9153 }
        ---
        apiVersion: apps/v1
        kind: Deployment
        metadata: { name: coredns, labels: { k8s-app: kube-dns } }
        spec:
          replicas: 2
          selector: { matchLabels: { k8s-app: kube-dns } }
          strategy: { type: RollingUpdate, rollingUpdate: { maxUnavailable: 1 } }
          template:
            metadata: { labels: { k8s-app: kube-dns } }
            spec:
              serviceAccountName: coredns
              dnsPolicy: Default
              containers:
              - name: coredns
                image: fairlead/host
                command: [ fairlead, dns, --kubeconfig, /etc/coredns/kubeconfig, --conf, /etc/coredns/Corefile ]
                resources: { limits: { memory: 170Mi }, requests: { cpu: 100m, memory: 70Mi } }
                volumeMounts: [ { name: config-volume, mountPath: /etc/coredns, readOnly: true } ]
                ports:
                - { containerPort: 53, name: dns, protocol: UDP }
                - { containerPort: 53, name: dns-tcp, protocol: TCP }
                - { containerPort: 9153, name: metrics, protocol: TCP }
                livenessProbe: { httpGet: { path: /health, port: 8080, scheme: HTTP }, initialDelaySeconds: 60, timeoutSeconds: 5, successThreshold: 1, failureThreshold: 5 }
                readinessProbe: { httpGet: { path: /ready, port: 8181, scheme: HTTP } }
                securityContext: { allowPrivilegeEscalation: false, capabilities: { add: [ NET_BIND_SERVICE ], drop: [ ALL ] }, readOnlyRootFilesystem: true }
              volumes: [ { name: config-volume, configMap: { name: coredns, items: [ { key: Corefile, path: Corefile }, { key: kubeconfig, path: kubeconfig } ] } } ]
        """;

    private const string Client = """
        apiVersion: v1
        kind: Pod
        metadata: { name: client }
        spec:
          terminationGracePeriodSeconds: 0
          dnsPolicy: None
          dnsConfig: { nameservers: [ SERVER ], searches: [ NAMESPACE.svc.cluster.local, svc.cluster.local, cluster.local ], options: [ { name: ndots, value: "5" } ] }
          containers: [ { name: main, image: fairlead/host, command: [ sleep, "1000" ] } ]
        """;

    [Fact]
    public async Task KubeadmsDeployment_WithThisBinary_ServesPods()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/kubia/", "-f", "examples/kubia-headless/");
        await kubectl.ApplyAsync(Manifest.Replace("NAMESPACE", kubectl.Namespace, StringComparison.Ordinal).Replace("COREFILE", KubeadmCorefile.Text.ReplaceLineEndings("\n    "), StringComparison.Ordinal));
        try
        {
            var server = await kubectl.ClusterIpAsync("dns");
            await kubectl.ApplyAsync(Client.Replace("SERVER", server, StringComparison.Ordinal).Replace("NAMESPACE", kubectl.Namespace, StringComparison.Ordinal));
            await kubectl.RunAsync("rollout", "status", "deployment/coredns", "--timeout=60s");
            await kubectl.RunAsync("wait", "--for=condition=Ready", "pod/client", "--timeout=60s");
            await kubectl.WaitForEndpointsAsync("dns", 2);
            await kubectl.WaitForEndpointsAsync("kubia", 3);
            await kubectl.WaitForEndpointsAsync("kubia-headless", 3);

            foreach (var name in new[] { "kubia", $"kubia.{kubectl.Namespace}", $"kubia.{kubectl.Namespace}.svc.cluster.local" })
                Assert.StartsWith("You've hit kubia-", (await kubectl.CurlAsync("client", $"http://{name}")).Output, StringComparison.Ordinal);
            foreach (var transport in new[] { "+notcp", "+tcp" })
                Assert.Equal(3, (await kubectl.RunAsync("exec", "client", "--", "dig", "+search", "+short", transport, "kubia-headless")).Split('\n').Length);
            var hosts = await kubectl.RunAsync("exec", "client", "--", "getent", "ahostsv4", "kubia");
            Assert.StartsWith(await kubectl.ClusterIpAsync("kubia"), hosts, StringComparison.Ordinal);
            var metrics = await kubectl.CurlAsync("client", "http://dns:9153/metrics");
            Assert.Contains("coredns_dns_requests_total{", metrics.Output, StringComparison.Ordinal);
            await kubectl.RunAsync("delete", "deployment", "coredns", "--wait=false");
        }
        finally
        {
            await kubectl.RunAsync("delete", "clusterrole,clusterrolebinding", $"system:coredns-{kubectl.Namespace}");
        }
    }
}
