using System.CommandLine;
using Fairlead.Cluster;
using Fairlead.Doctor;
using Fairlead.Doctor.Report;
using Fairlead.Kube.Client;
using Fairlead.Kubeconfig;
using Fairlead.Terminal;

namespace Fairlead.Commands;

/// <summary>`fairlead doctor`: why a Service, an Ingress or a pod does not work, on any cluster.</summary>
internal static class DoctorCommand
{
    private const int Healthy = 0, Ill = 1;

    public static Command Create()
    {
        var patient = new Argument<string?>("object") { Description = "svc/NAME, ingress/NAME or pod/NAME; default: every service.", Arity = ArgumentArity.ZeroOrOne };
        var ns = new Option<string?>("--namespace", "-n") { Description = "Namespace; default: default." };
        var all = new Option<bool>("--all-namespaces", "-A") { Description = "Every service of every namespace." };
        var kubeconfig = CommonOptions.Kubeconfig();
        var output = CommonOptions.Output();
        var command = new Command("doctor", "Find out why a Service, an Ingress or a pod does not work. Ends with 0: healthy, 1: findings, 2: could not look.") { patient, ns, all, kubeconfig, output };
        command.SetAction((parse, cancel) => Failures.RunAsync(async () =>
        {
            var who = parse.GetValue(patient) is { } text ? Patient.Parse(text) ?? throw new UserException($"\"{text}\" is none of svc/NAME, ingress/NAME, pod/NAME") : null;
            var configuration = KubeClientConfiguration.FromFile(parse.GetValue(kubeconfig) ?? KubeconfigFile.DefaultPath());
            using var client = new KubeClient(configuration, "fairlead-doctor");
            var doctor = new ServiceDoctor(client, LocalCluster.Find(configuration), TimeProvider.System);
            var space = parse.GetValue(all) ? null : parse.GetValue(ns) ?? "default";
            var line = new ChangingLine(parse.GetValue(output) == "json" ? TextWriter.Null : Console.Out, TimeProvider.System);
            return who is null
                ? ShowAll(await ExamineAllAsync(doctor, space, line, cancel), parse.GetValue(output)!)
                : Show(await doctor.ExamineAsync(who, space ?? "default", cancel) ?? throw new UserException($"there is no {who.Kind}/{who.Name} in namespace {space ?? "default"}"), parse.GetValue(output)!);
        }, Failures.CouldNotLook));
        return command;
    }

    private static async Task<IReadOnlyList<Diagnosis>> ExamineAllAsync(ServiceDoctor doctor, string? space, ChangingLine line, CancellationToken cancel)
    {
        line.Show(() => "reading the cluster's objects");
        try
        {
            return await doctor.ExamineAllAsync(space, (done, total) => line.Show(() => $"looked at {done} of {total} services"), cancel);
        }
        finally
        {
            line.Clear();
        }
    }

    private static int Show(Diagnosis diagnosis, string output)
    {
        if (output == "json") Console.WriteLine(JsonReport.Write([diagnosis]));
        else new TextReport(Console.Out, Colours.AreOn, AsTyped.Of).Write(diagnosis);
        return diagnosis.IsHealthy ? Healthy : Ill;
    }

    private static int ShowAll(IReadOnlyList<Diagnosis> all, string output)
    {
        if (output == "json") Console.WriteLine(JsonReport.Write(all));
        else new TextReport(Console.Out, Colours.AreOn, AsTyped.Of).WriteShort(all);
        return all.All(diagnosis => diagnosis.IsHealthy) ? Healthy : Ill;
    }
}
