using Fairlead.Controllers.Bootstrap;
using Fairlead.Controllers.Certificates;
using Fairlead.Controllers.DaemonSet;
using Fairlead.Controllers.Deployment;
using Fairlead.Controllers.Endpoints;
using Fairlead.Controllers.EndpointSliceMirroring;
using Fairlead.Controllers.EndpointSlices;
using Fairlead.Controllers.GarbageCollector;
using Fairlead.Controllers.Namespace;
using Fairlead.Controllers.NodeIpam;
using Fairlead.Controllers.NodeLifecycle;
using Fairlead.Controllers.PodGC;
using Fairlead.Controllers.Replicas;
using Fairlead.Controllers.RoleAggregation;
using Fairlead.Controllers.Scheduler;
using Fairlead.Controllers.ServiceAccount;
using Fairlead.Controllers.StatefulSet;
using Fairlead.Controllers.TaintEviction;
using Fairlead.Kube.Client;
using k8s.Models;

namespace Fairlead.Controllers;

/// <summary>The controllers, by the name that switches them off.</summary>
internal static class ControllerTable
{
    public static IReadOnlyDictionary<string, Func<ControllerContext, IController>> All { get; } = new Dictionary<string, Func<ControllerContext, IController>>
    {
        ["nodeipam"] = context => new NodeIpamController(context),
        ["nodelifecycle"] = context => new NodeLifecycleController(context),
        ["tainteviction"] = context => new TaintEvictionController(context),
        ["scheduler"] = context => new SchedulerController(context),
        ["replicationcontroller"] = context => new ReplicaController(
            new ReplicaKind<V1ReplicationController>(context, ApiResources.ReplicationControllers, context.Caches.ReplicationControllers, "replication-controller"),
            context, context.Log("ReplicationController")),
        ["replicaset"] = context => new ReplicaController(
            new ReplicaKind<V1ReplicaSet>(context, ApiResources.ReplicaSets, context.Caches.ReplicaSets, "replicaset-controller"),
            context, context.Log("ReplicaSet")),
        ["deployment"] = context => new DeploymentController(context),
        ["statefulset"] = context => new StatefulSetController(context),
        ["daemonset"] = context => new DaemonSetController(context),
        ["endpointslice"] = context => new EndpointSliceController(context),
        ["endpoints"] = context => new EndpointsController(context),
        ["endpointslicemirroring"] = context => new MirroringController(context),
        ["namespace"] = context => new NamespaceController(context),
        ["serviceaccount"] = context => new ServiceAccountController(context),
        ["rootca"] = context => new RootCertificateController(context),
        ["garbagecollector"] = context => new GarbageCollectorController(context),
        ["csrapproving"] = context => new CertificateApprover(context),
        ["csrsigning"] = context => new CertificateIssuer(context),
        ["csrcleaner"] = context => new CertificateCleaner(context),
        ["tokencleaner"] = context => new TokenCleaner(context),
        ["clusterrole-aggregation"] = context => new RoleAggregationController(context),
        ["podgc"] = context => new PodGcController(context),
    };
}
