using Fairlead.Doctor.Snapshot;

namespace Fairlead.Doctor.Diagnose;

/// <summary>A load balancer's address that does not come.</summary>
internal static class BalancerCheck
{
    internal static IEnumerable<Finding> Check(ServiceCase service)
    {
        if (service.Type != "LoadBalancer" || service.Service.Status?.LoadBalancer?.Ingress is { Count: > 0 }) yield break;
        var about = service.About;
        var said = PodFacts.LastEvent(service.Events, "Service", service.Name, "AllocationFailed", "SyncLoadBalancerFailed", "AnnounceFailed");
        if (said is not null)
        {
            yield return new Finding(Severity.Problem, "balancer-pending", about, "it waits for a load balancer's address, which was refused", $"event {said.Reason}: {said.Message}",
                $"kubectl -n {service.Namespace} describe service {service.Name}");
        }
        else if (service.Service.Spec.LoadBalancerClass is { Length: > 0 } name)
        {
            yield return new Finding(Severity.Problem, "balancer-pending", about, $"it waits for a load balancer's address from class {name}, which nobody seems to serve",
                "status.loadBalancer is empty, and no event tells why", $"kubectl -n {service.Namespace} get service {service.Name} -o yaml, then make it again without spec.loadBalancerClass (it cannot be changed)");
        }
        else
        {
            yield return new Finding(Severity.Problem, "balancer-pending", about, "it waits for a load balancer's address", "status.loadBalancer is empty, and no event tells why: no load balancer runs for this cluster",
                "fairlead loadbalancer --kubeconfig FILE, or use type NodePort");
        }
    }
}
