using System.Text.Json.Nodes;
using Xunit;

namespace Fairlead.System;

/// <summary>`fairlead ingress` alone, against an API server and pods that know nothing of it.</summary>
public sealed class IngressAloneTests(IngressStand stand) : IClassFixture<IngressStand>
{
    [Fact]
    public async Task ClientCertificate_IsAskedForByTheHost_AndThePodIsToldOfIt()
    {
        const string host = "guarded.example.com", url = $"https://{host}/";
        var folder = stand.Folder;
        await OpenSslAsync("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=authority", "-days", "2");
        await OpenSslAsync("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "jane.key", "-out", "jane.csr", "-subj", "/C=CH/O=Example, Inc./CN=jane");
        await OpenSslAsync("x509", "-req", "-in", "jane.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-out", "jane.crt", "-days", "2");
        await OpenSslAsync("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "other.key", "-out", "other.crt", "-subj", "/CN=jane", "-days", "2");
        await stand.Kubectl.RunAsync("create", "secret", "generic", "clients", $"--from-file=ca.crt={folder}/ca.crt");
        const string secret = "auth-tls-secret: default/clients\n";
        await stand.ApplyAsync(
            IngressStand.IngressOf("guarded", host, secret + "auth-tls-pass-certificate-to-upstream: \"true\""),
            IngressStand.IngressOf("guarded-off", "off.example.com", secret + "auth-tls-verify-client: \"off\""),
            IngressStand.IngressOf("guarded-optional", "optional.example.com", secret + "auth-tls-verify-client: optional"),
            IngressStand.IngressOf("guarded-anybody", "anybody.example.com", secret + "auth-tls-verify-client: optional_no_ca\nauth-tls-verify-depth: \"2\""),
            IngressStand.IngressOf("guarded-named", "named.example.com", secret + "auth-tls-match-cn: CN=john"),
            IngressStand.IngressOf("guarded-page", "page.example.com", secret + "auth-tls-error-page: https://login.example.com/"));
        await stand.IsServedAsync("page.example.com");
        string[] jane = ["--cert", $"{folder}/jane.crt", "--key", $"{folder}/jane.key"], stranger = ["--cert", $"{folder}/other.crt", "--key", $"{folder}/other.key"];

        var seen = await Until.AsyncHolds(() => stand.AskAsync(url, jane), text => text.Contains("ssl-client-verify: SUCCESS", StringComparison.Ordinal), "the client's certificate is taken");

        var name = (await OpenSslAsync("x509", "-in", "jane.crt", "-noout", "-subject", "-nameopt", "RFC2253")).Output.Trim()["subject=".Length..];
        Assert.Contains($"ssl-client-subject-dn: {name}\n", seen, StringComparison.Ordinal);
        Assert.Equal((await File.ReadAllTextAsync($"{folder}/jane.crt")).Trim(), Uri.UnescapeDataString(EchoingPod.Field(seen, "ssl-client-cert")!).Trim());
        foreach (var (of, client, expected) in ((string, string[], string)[])
        [
            (host, [], "400 No required SSL certificate was sent\n"),
            (host, stranger, "400 The SSL certificate error\n"),
            ("off.example.com", [], "GET / "),
            ("optional.example.com", [], "ssl-client-verify: NONE\n"),
            ("optional.example.com", jane, "ssl-client-verify: SUCCESS\n"),
            ("optional.example.com", stranger, "400 The SSL certificate error\n"),
            ("anybody.example.com", stranger, "ssl-client-verify: FAILED:"),
            ("named.example.com", jane, "403 client certificate unauthorized\n"),
            ("page.example.com", [], "location: https://login.example.com/\n"),
        ])
        {
            Assert.Contains(expected, await stand.AskAsync($"https://{of}/", client), StringComparison.OrdinalIgnoreCase);
        }
    }

    [Fact]
    public async Task ProxyHeader_NamesTheClient_FromTheBalancerOnly()
    {
        const string host = "behind.example.com", rest = $"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n", told = $"PROXY TCP4 192.0.2.7 192.0.2.1 1234 80\r\n{rest}";
        await stand.ServeAsync(host);
        Assert.Contains("\nX-Forwarded-For: 127.0.0.1\n", await stand.AskAsync($"http://{host}/"), StringComparison.Ordinal);

        // curl writes the header with the addresses of its own connection, so what it sends for another's has to be written by hand.
        Assert.Contains("X-Forwarded-For: 192.0.2.7\n", await stand.SayAsync(told, IngressStand.Balancer), StringComparison.Ordinal);
        // Version 2: its signature, PROXY over TCP and IPv4, twelve bytes of addresses and ports.
        byte[] second = [.. "\r\n\r\n\0\r\nQUIT\n!\u0011\0\u000c"u8, 192, 0, 2, 8, 192, 0, 2, 1, 4, 210, 0, 80, .. global::System.Text.Encoding.ASCII.GetBytes(rest)];
        Assert.Contains("X-Forwarded-For: 192.0.2.8\n", await stand.SayAsync(second, IngressStand.Balancer), StringComparison.Ordinal);
        string[] proxied = ["--interface", IngressStand.Balancer, "--haproxy-protocol"];
        Assert.Contains($"X-Forwarded-For: {IngressStand.Balancer}\n", await stand.AskAsync($"http://{host}/", proxied), StringComparison.Ordinal);
        Assert.Contains("ssl-none", await stand.AskAsync($"https://{host}/", [.. proxied, "-H", "X-Mark: ssl-none"]), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 400 ", await stand.SayAsync(told, "127.0.0.3"), StringComparison.Ordinal);
        Assert.Equal("", await stand.SayAsync(rest, IngressStand.Balancer));
        var logged = await Until.AsyncHolds(() => File.ReadAllLinesAsync(stand.LogFile), lines => lines.Any(line => line.Contains("192.0.2.7", StringComparison.Ordinal)), "the line in the log");
        var line = JsonNode.Parse(logged.First(line => line.Contains("192.0.2.7", StringComparison.Ordinal)))!;
        Assert.Equal(("behind", "web", "GET", host, "/", 200), ((string?)line["ingress"], (string?)line["service"], (string?)line["method"], (string?)line["host"], (string?)line["uri"], (int?)line["status"]));
    }

    [Fact]
    public async Task Session_KeepsItsPod_OverChangesAndARestart()
    {
        const string host = "sticky.example.com", url = $"http://{host}/", cookie = "affinity: cookie\nsession-cookie-name: route\n";
        var late = await stand.PodAsync(14);
        await stand.ApplyAsync(IngressStand.ServiceOf("sessions", IngressStand.Ready(stand.Pods)));
        await stand.ServeAsync(host, cookie, service: "sessions");
        var jar = $"{stand.Folder}/jar";
        var mine = await stand.PodOfAsync(url, "-c", jar);
        Task<IReadOnlyList<string>> AgainAsync() => stand.PodsOfAsync(8, _ => url, "-b", jar);
        Assert.All(await AgainAsync(), pod => Assert.Equal(mine, pod));

        // Another annotation, another path, another pod: and all of it while the same client asks.
        await stand.ApplyAsync(
            IngressStand.IngressOf("sticky", host, cookie + "proxy-read-timeout: \"61\"", service: "sessions"), IngressStand.IngressOf("sticky-beside", host, path: "/beside"),
            IngressStand.ServiceOf("sessions", IngressStand.Ready([late, .. stand.Pods])));
        await Until.AsyncHolds(() => stand.PodsOfAsync(16, _ => url), pods => pods.Contains(late.Address), "the new pod has requests");
        Assert.All(await AgainAsync(), pod => Assert.Equal(mine, pod));

        await stand.StopAsync();
        await stand.StartAsync();

        Assert.All(await AgainAsync(), pod => Assert.Equal(mine, pod));
        late.Dispose();
    }

    /// <summary>openssl's client, as anyone would look.</summary>
    [Fact]
    public async Task Certificate_IsChosenByServerName_AndReadAnew_AndOldProtocolsAreRefused()
    {
        const string host = "secure.example.com";
        Task<string> SubjectAsync(string name, params string[] more) => IngressCalls.SubjectAsync(stand.Address, name, more);
        await PutCertificateAsync("own", "own-1", host);
        await PutCertificateAsync("wild", "wild", "*.wild.example.com");
        await stand.ApplyAsync(IngressStand.IngressOf("secure", host, tls: $"{{ hosts: [ {host} ], secretName: own }}, {{ hosts: [ \"*.wild.example.com\" ], secretName: wild }}"));

        await Until.AsyncHolds(() => SubjectAsync(host), subject => subject == "CN = own-1", "the Secret's certificate");
        Assert.Equal("CN = wild", await SubjectAsync("any.wild.example.com"));
        foreach (var other in (string[])["deep.any.wild.example.com", "wild.example.com", "other.example.com", ""])
            Assert.Contains("Fairlead Ingress Self-Signed Certificate", await SubjectAsync(other), StringComparison.Ordinal);
        Assert.Equal("CN = own-1", await SubjectAsync(host, "-tls1_2"));
        Assert.Equal("CN = own-1", await SubjectAsync(host, "-tls1_3"));
        foreach (var old in (string[])["-tls1_1", "-tls1"])
            Assert.Equal("", await SubjectAsync(host, old, "-cipher", "ALL:@SECLEVEL=0"));
        Assert.Equal($"308 https://{host}/a?b", (await stand.CurlAsync($"http://{host}/a?b", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}")).Output);

        await PutCertificateAsync("own", "own-2", host);
        await Until.AsyncHolds(() => SubjectAsync(host), subject => subject == "CN = own-2", "the new certificate");
        var ends = await stand.MetricAsync("nginx_ingress_controller_ssl_expire_time_seconds", $"host=\"{host}\",namespace=\"default\",secret_name=\"own\"");
        Assert.InRange(DateTimeOffset.FromUnixTimeSeconds((long)ends), TimeProvider.System.GetUtcNow().AddDays(350), TimeProvider.System.GetUtcNow().AddDays(365));
    }

    [Fact]
    public async Task Metrics_TellRequestsTimesAndFailures_ByIngressAndService()
    {
        const string counted = "ingress=\"counted\",namespace=\"default\",service=\"one\"", broken = "ingress=\"broken\",namespace=\"default\",service=\"dead\"";
        await stand.ApplyAsync(
            IngressStand.ServiceOf("dead", IngressStand.Ready(stand.Pods[0]), port: 1),
            IngressStand.IngressOf("counted", "counted.example.com", service: "one"), IngressStand.IngressOf("broken", "broken.example.com", service: "dead"));
        await Until.AsyncHolds(() => stand.StatusAsync("http://broken.example.com/"), status => status == "502", "nobody answers");

        var before = await stand.MetricAsync("nginx_ingress_controller_requests", counted);
        Assert.Equal("200", await stand.StatusAsync("http://counted.example.com/"));
        Assert.Equal("404", await stand.StatusAsync("http://counted.example.com/?status=404", "-X", "POST"));

        Assert.Equal(0, before);
        Assert.Equal(1, await stand.MetricAsync("nginx_ingress_controller_requests", $"{counted},method=\"GET\",status=\"200\""));
        Assert.Equal(1, await stand.MetricAsync("nginx_ingress_controller_requests", $"{counted},method=\"POST\",status=\"404\""));
        Assert.Equal(2, await stand.MetricAsync("nginx_ingress_controller_request_duration_seconds_count", counted));
        Assert.True(await stand.MetricAsync("nginx_ingress_controller_request_duration_seconds_sum", counted) > 0);
        Assert.True(await stand.MetricAsync("nginx_ingress_controller_bytes_sent", counted) > 0);
        Assert.Equal(0, await stand.MetricAsync("fairlead_ingress_upstream_errors_total", counted));
        Assert.True(await stand.MetricAsync("fairlead_ingress_upstream_errors_total", broken) >= 1);
        foreach (var path in (string[])["healthz", "livez", "readyz"])
            Assert.Equal("ok", (await Command.RunAsync("curl", "-s", $"http://{stand.Address}:10254/{path}")).Output);
    }

    private async Task PutCertificateAsync(string secret, string name, string host)
    {
        await IngressCalls.MakeCertificateAsync(stand.Folder, name, host);
        await IngressCalls.PutSecretAsync(stand.Kubectl, secret, stand.Folder);
    }

    private Task<CommandResult> OpenSslAsync(string verb, params string[] arguments) =>
        Command.RunAsync("openssl", [verb, .. arguments.Select(argument => argument.Contains('.') && !argument.Contains('/') ? $"{stand.Folder}/{argument}" : argument)]);
}
