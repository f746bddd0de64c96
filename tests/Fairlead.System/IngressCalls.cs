namespace Fairlead.System;

/// <summary>curl to an ingress' address under the names that Ingresses have.</summary>
internal static class IngressCalls
{
    /// <summary>The address in an Ingress' status, once it is there.</summary>
    public static Task<string> AddressAsync(Kubectl kubectl, string ingress) => Until.AsyncHolds(
        () => kubectl.RunAsync("get", "ingress", ingress, "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}"), address => address.Length > 0, $"an address of {ingress}");

    public static Task<CommandResult> CurlAsync(string address, string url, params string[] more)
    {
        var host = new Uri(url).Host;
        return Command.TryAsync("curl", ["-s", "-k", "--max-time", "10", "--resolve", $"{host}:80:{address}", "--resolve", $"{host}:443:{address}", url, .. more]);
    }

    public static async Task<string> StatusAsync(string address, string url, params string[] more) => (await CurlAsync(address, url, ["-o", "/dev/null", "-w", "%{http_code}", .. more])).Output;

    public static Task ServesAsync(string address, string url) => Until.AsyncHolds(() => StatusAsync(address, url), status => status == "200", $"the first answer of {url}");

    /// <summary>Writes a certificate for a name, tls.crt, and its key, tls.key.</summary>
    public static Task MakeCertificateAsync(string folder, string name, string host) => Command.RunAsync(
        "openssl", "req", "-new", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", $"{folder}/tls.key", "-out", $"{folder}/tls.crt", "-days", "360", "-subj", $"/CN={name}", "-addext", $"subjectAltName=DNS:{host}");

    /// <summary>Makes a TLS Secret of a folder's certificate, or puts it in place of the one before.</summary>
    public static async Task PutSecretAsync(Kubectl kubectl, string secret, string folder)
    {
        var manifest = await kubectl.RunAsync("create", "secret", "tls", secret, $"--cert={folder}/tls.crt", $"--key={folder}/tls.key", "--dry-run=client", "-o", "yaml");
        await kubectl.ApplyAsync(manifest);
    }

    /// <summary>The subject of the certificate that a handshake gets, as openssl prints it.</summary>
    public static async Task<string> SubjectAsync(string address, string serverName, params string[] more)
    {
        string[] name = serverName.Length == 0 ? ["-noservername"] : ["-servername", serverName];
        var said = await Command.TryAsync("openssl", ["s_client", "-connect", $"{address}:443", .. name, .. more], "");
        return said.Lines.FirstOrDefault(line => line.StartsWith("subject=", StringComparison.Ordinal))?["subject=".Length..].Trim() ?? "";
    }
}
