using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Fairlead.Doctor.Snapshot;
using k8s.Models;

namespace Fairlead.Doctor.Diagnose;

/// <summary>An Ingress: class, address, TLS secrets, backends, and other Ingresses that claim the same.</summary>
internal static class IngressCheck
{
    private const string ClassAnnotation = "kubernetes.io/ingress.class", DefaultAnnotation = "ingressclass.kubernetes.io/is-default-class";

    internal static IEnumerable<Finding> Check(IngressCase ingress) =>
        [.. Class(ingress), .. Tls(ingress), .. Backends(ingress), .. Shadowed(ingress), .. Answers(ingress)];

    /// <summary>The class that an Ingress asks for, or would get; null: none.</summary>
    internal static string? ClassName(V1Ingress ingress, IEnumerable<V1IngressClass> classes) =>
        ingress.Metadata.Annotations is { } annotations && annotations.TryGetValue(ClassAnnotation, out var old) && old.Length > 0 ? old
        : ingress.Spec?.IngressClassName is { Length: > 0 } name ? name
        : classes.FirstOrDefault(found => found.Metadata.Annotations is { } marks && marks.TryGetValue(DefaultAnnotation, out var value) && value == "true")?.Metadata.Name;

    private static IEnumerable<Finding> Class(IngressCase ingress)
    {
        var name = ClassName(ingress.Ingress, ingress.Classes);
        var names = ingress.Classes.Select(found => found.Metadata.Name).ToList();
        var mend = names.Count == 0 ? "fairlead ingress --kubeconfig FILE, with an IngressClass"
            : $"kubectl -n {ingress.Namespace} patch ingress {ingress.Name} --type merge -p '{{\"spec\":{{\"ingressClassName\":\"{names[0]}\"}}}}'";
        if (name is null)
        {
            yield return new Finding(Severity.Problem, "ingress-no-class", ingress.About, "it names no class and none is the default, so no controller serves it", $"classes there are: {(names.Count == 0 ? "none" : string.Join(", ", names))}", mend);
        }
        else if (!names.Contains(name))
        {
            yield return new Finding(Severity.Problem, "ingress-class-missing", ingress.About, $"its class {name} does not exist, so no controller serves it", $"classes there are: {(names.Count == 0 ? "none" : string.Join(", ", names))}", mend);
        }
        else if (ingress.Ingress.Status?.LoadBalancer?.Ingress is not { Count: > 0 })
        {
            yield return new Finding(Severity.Problem, "ingress-no-address", ingress.About, $"no controller of class {name} has taken it: it has no address", "status.loadBalancer is empty",
                $"kubectl -n {ingress.Namespace} describe ingress {ingress.Name}");
        }
        if (PodFacts.LastEvent(ingress.Events, "Ingress", ingress.Name) is { } said)
        {
            yield return new Finding(Severity.Warning, "ingress-warned", ingress.About, "its controller warns", $"event {said.Reason}: {said.Message}", $"kubectl -n {ingress.Namespace} describe ingress {ingress.Name}");
        }
    }

    private static IEnumerable<Finding> Tls(IngressCase ingress)
    {
        foreach (var entry in ingress.Ingress.Spec?.Tls ?? [])
        {
            if (entry.SecretName is not { Length: > 0 } name || ingress.Secrets?.FirstOrDefault(found => found.Key.Name == name) is not { } secret) continue;
            var hosts = entry.Hosts is { Count: > 0 } named ? string.Join(", ", named) : "every host";
            var create = $"kubectl -n {ingress.Namespace} create secret tls {name} --cert=tls.cert --key=tls.key";
            if (secret.Secret is not { } found)
            {
                yield return new Finding(Severity.Problem, "tls-secret-missing", ingress.About, $"the secret {name} with the certificate of {hosts} does not exist; clients get a certificate that they do not trust", $"no secret {name} in namespace {ingress.Namespace}", create);
            }
            else if (found.Data is null || !found.Data.ContainsKey("tls.crt") || !found.Data.ContainsKey("tls.key"))
            {
                yield return new Finding(Severity.Problem, "tls-secret-incomplete", ingress.About, $"the secret {name} holds no certificate with its key", $"it has type {found.Type} and the keys {string.Join(", ", found.Data?.Keys ?? [])}, not tls.crt and tls.key", create);
            }
            else if (Certificate(found.Data["tls.crt"], entry.Hosts ?? [], ingress.Now) is { } wrong)
            {
                yield return new Finding(Severity.Problem, "tls-certificate", ingress.About, $"the certificate in secret {name} does not serve {hosts}", wrong, create + " --dry-run=client -o yaml | kubectl apply -f -");
            }
        }
    }

    private static string? Certificate(byte[] pem, IList<string> hosts, DateTimeOffset now)
    {
        try
        {
            using var certificate = X509Certificate2.CreateFromPem(System.Text.Encoding.UTF8.GetString(pem));
            if (certificate.NotAfter.ToUniversalTime() < now) return $"it was valid until {certificate.NotAfter.ToUniversalTime():u}";
            if (certificate.NotBefore.ToUniversalTime() > now) return $"it is not valid before {certificate.NotBefore.ToUniversalTime():u}";
            var uncovered = hosts.Where(host => !certificate.MatchesHostname(host)).ToList();
            return uncovered.Count == 0 ? null : $"it is for {certificate.Subject}, not for {string.Join(", ", uncovered)}";
        }
        catch (CryptographicException e)
        {
            return $"tls.crt is no certificate in PEM: {e.Message}";
        }
    }

    private static IEnumerable<Finding> Backends(IngressCase ingress)
    {
        foreach (var backend in Of(ingress.Ingress).DistinctBy(backend => (backend.Service?.Name, backend.Service?.Port?.Name, backend.Service?.Port?.Number)))
        {
            if (backend.Service is not { } wanted) continue;
            if (ingress.Backends.FirstOrDefault(found => found.Name == wanted.Name) is not { } service)
            {
                yield return new Finding(Severity.Problem, "backend-service-missing", ingress.About, $"its backend service {wanted.Name} does not exist; such requests are answered with 503", $"no service {wanted.Name} in namespace {ingress.Namespace}",
                    $"kubectl -n {ingress.Namespace} get services");
            }
            else if (!service.Ports.Any(port => wanted.Port?.Name is { Length: > 0 } name ? port.Name == name : port.Port == wanted.Port?.Number))
            {
                var ports = string.Join(", ", service.Ports.Select(port => port.Name is null ? $"{port.Port}" : $"{port.Port} ({port.Name})"));
                var isTarget = service.Ports.Any(port => port.TargetPort?.Value == wanted.Port?.Number?.ToString(System.Globalization.CultureInfo.InvariantCulture));
                yield return new Finding(Severity.Problem, "backend-port-missing", ingress.About,
                    $"its backend svc/{wanted.Name} has no port {wanted.Port?.Name ?? wanted.Port?.Number?.ToString(System.Globalization.CultureInfo.InvariantCulture)}{(isTarget ? ", which is the service's target port, not its port" : "")}",
                    $"the service's ports are {ports}", $"kubectl -n {ingress.Namespace} edit ingress {ingress.Name}");
            }
        }
    }

    /// <summary>Every backend that an Ingress names.</summary>
    internal static IEnumerable<V1IngressBackend> Of(V1Ingress ingress) =>
        new[] { ingress.Spec?.DefaultBackend }.Concat((ingress.Spec?.Rules ?? []).SelectMany(rule => rule.Http?.Paths ?? []).Select(path => path.Backend)).OfType<V1IngressBackend>();

    /// <summary>Rules that an older Ingress of the same class has already.</summary>
    private static IEnumerable<Finding> Shadowed(IngressCase ingress)
    {
        var name = ClassName(ingress.Ingress, ingress.Classes);
        var same = ingress.All.Where(other => ClassName(other, ingress.Classes) == name).ToList();
        foreach (var rule in ingress.Ingress.Spec?.Rules ?? [])
        {
            foreach (var path in rule.Http?.Paths ?? [])
            {
                var holder = same.FirstOrDefault(other => other.Metadata.Uid != ingress.Ingress.Metadata.Uid && Older(other, ingress.Ingress)
                    && (other.Spec?.Rules ?? []).Any(own => (own.Host ?? "") == (rule.Host ?? "") && (own.Http?.Paths ?? []).Any(entry => (entry.Path ?? "/") == (path.Path ?? "/") && entry.PathType == path.PathType)));
                if (holder is null) continue;
                yield return new Finding(Severity.Warning, "ingress-shadowed", ingress.About, $"its rule {rule.Host ?? "*"}{path.Path ?? "/"} is not used: ingress/{holder.Metadata.Name} of namespace {holder.Metadata.NamespaceProperty} has it already",
                    "of two equal rules the older Ingress' wins", $"kubectl -n {holder.Metadata.NamespaceProperty} describe ingress {holder.Metadata.Name}");
            }
        }
    }

    private static bool Older(V1Ingress left, V1Ingress right) =>
        (left.Metadata.CreationTimestamp, left.Metadata.NamespaceProperty + "/" + left.Metadata.Name).CompareTo((right.Metadata.CreationTimestamp, right.Metadata.NamespaceProperty + "/" + right.Metadata.Name)) < 0;

    private static IEnumerable<Finding> Answers(IngressCase ingress) =>
        ingress.Seen.Requests.Where(seen => seen.Status is null).Select(seen => new Finding(Severity.Problem, "ingress-silent", ingress.About,
            $"its address does not answer for {seen.Host}", $"{seen.Url} from {seen.From}: {seen.Failure}", "fairlead doctor svc/ingress -n fairlead-system"));
}
