using System.Text.Json;

namespace Fairlead.ApiServer.Printing;

/// <summary>Requests for certificates, as <c>kubectl get csr</c> shows them.</summary>
internal static class CertificateTable
{
    public static readonly TableLayout Layout = new(
    [
        TablePrinter.Name, TablePrinter.Age, TablePrinter.Text("SignerName", "Who is asked to sign."),
        TablePrinter.Text("Requestor", "Who asked."), TablePrinter.Text("RequestedDuration", "For how long, if it was said."),
        TablePrinter.Text("Condition", "What was decided and done."),
    ],
        (obj, now) =>
        [
            obj.Name(), obj.Age(now), obj.Text("spec", "signerName").Or(Fields.None), obj.Text("spec", "username"),
            obj.Number("spec", "expirationSeconds") is > 0 and var seconds ? HumanDuration.Format(TimeSpan.FromSeconds(seconds)) : Fields.None,
            Condition(obj),
        ]);

    private static string Condition(JsonElement request)
    {
        var types = request.List("status", "conditions").Select(condition => condition.Text("type")).ToHashSet();
        var parts = new List<string> { types.Contains("Denied") ? "Denied" : types.Contains("Approved") ? "Approved" : "Pending" };
        if (types.Contains("Failed")) parts.Add("Failed");
        if (request.Text("status", "certificate").Length > 0) parts.Add("Issued");
        return string.Join(',', parts);
    }
}
