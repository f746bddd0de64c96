using System.Net;
using Fairlead.Doctor.Snapshot;

namespace Fairlead.Doctor.Diagnose;

/// <summary>What the cluster's DNS says of the service's name, and whether it says anything.</summary>
internal static class NameCheck
{
    internal static IEnumerable<Finding> Check(ServiceCase service)
    {
        if (service.IsExternalName && IPAddress.TryParse(service.Service.Spec.ExternalName, out _))
        {
            yield return new Finding(Severity.Problem, "external-name-is-address", service.About, $"its externalName {service.Service.Spec.ExternalName} is an address, which DNS cannot alias to",
                "an ExternalName becomes a CNAME, and a CNAME names a name", $"kubectl -n {service.Namespace} delete service {service.Name}; make one without a selector, and an EndpointSlice with the address");
        }
        foreach (var group in service.Seen.Dns.Where(seen => seen.Answer.Outcome == DnsOutcome.Silent).GroupBy(seen => (seen.Server, seen.IsService)))
        {
            var nodes = PodFacts.Names(group.Select(seen => seen.Node));
            var what = group.Key.IsService ? $"the cluster's DNS service at {group.Key.Server.Address}" : $"the DNS server {group.Key.Server}, an endpoint of svc/kube-dns,";
            var reached = service.Seen.Connects.Any(connect => !connect.IsEndpoint && connect.Outcome == ConnectOutcome.Connected);
            yield return new Finding(Severity.Problem, "dns-silent", "svc/kube-dns", $"{what} does not answer {nodes}",
                $"two questions for {service.FullName} were sent from there, each waited for a second" + (reached ? "; the service's address itself can be reached, so only the name fails" : ""),
                "fairlead doctor svc/kube-dns -n kube-system");
        }
        var wrong = service.Seen.Dns.Where(seen => seen.Answer.Outcome != DnsOutcome.Silent && Wrong(service, seen.Answer) is not null).ToList();
        foreach (var group in wrong.GroupBy(seen => Wrong(service, seen.Answer)))
        {
            var first = group.First();
            yield return new Finding(Severity.Problem, "dns-wrong", service.About, $"its name {service.FullName} does not lead to it: {group.Key}",
                $"asked from {PodFacts.Names(group.Select(seen => $"{seen.Node} of {seen.Server.Address}").Distinct())}; the answer's code was {first.Answer.Code}", "fairlead doctor svc/kube-dns -n kube-system");
        }
    }

    /// <summary>What is wrong with an answer, or null.</summary>
    private static string? Wrong(ServiceCase service, DnsAnswer answer)
    {
        if (service.IsExternalName)
            return string.Equals(answer.Alias?.TrimEnd('.'), service.Service.Spec.ExternalName.TrimEnd('.'), StringComparison.OrdinalIgnoreCase)
                ? null : $"it is no alias of {service.Service.Spec.ExternalName} but {answer.Alias ?? "nothing"}";
        var wanted = Wanted(service);
        // Names of headless services without a ready pod do not exist.
        if (wanted.Count == 0) return null;
        if (answer.Outcome != DnsOutcome.Answered) return $"DNS answers {answer.Code}{(answer.Outcome == DnsOutcome.NoData ? " without an address" : "")}";
        var missing = wanted.Where(address => !answer.Addresses.Contains(address)).ToList();
        var other = answer.Addresses.Where(address => !wanted.Contains(address)).ToList();
        return (missing.Count, other.Count) switch
        {
            (0, 0) => null,
            (_, 0) => $"DNS leaves {PodFacts.Names(missing.Select(address => address.ToString()))} out",
            _ => $"DNS answers {PodFacts.Names(other.Select(address => address.ToString()))}, not {PodFacts.Names(wanted.Select(address => address.ToString()))}",
        };
    }

    /// <summary>IPv4 only, as the question is.</summary>
    private static List<IPAddress> Wanted(ServiceCase service)
    {
        IEnumerable<string?> texts = service.IsHeadless
            ? service.Slices.SelectMany(slice => slice.Endpoints ?? [])
                .Where(endpoint => endpoint.Conditions?.Ready != false || service.Service.Spec.PublishNotReadyAddresses == true).Select(endpoint => endpoint.Addresses?.FirstOrDefault())
            : service.Service.Spec?.ClusterIPs ?? [service.Service.Spec?.ClusterIP];
        return [.. texts.Select(text => IPAddress.TryParse(text, out var address) ? address : null).OfType<IPAddress>()
            .Where(address => address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork).Distinct()];
    }
}
