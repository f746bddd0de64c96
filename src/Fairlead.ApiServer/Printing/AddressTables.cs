using System.Text.Json;

namespace Fairlead.ApiServer.Printing;

/// <summary>Where cluster IPs come from, and which are in use.</summary>
internal static class AddressTables
{
    public static readonly TableLayout ServiceCidrs = new(
        [TablePrinter.Name, TablePrinter.Text("CIDRs", "The ranges, one for each IP family."), TablePrinter.Age],
        (obj, now) => [obj.Name(), string.Join(',', obj.List("spec", "cidrs").Select(cidr => cidr.GetString())), obj.Age(now)]);

    public static readonly TableLayout Addresses = new(
        [TablePrinter.Name, TablePrinter.Text("ParentRef", "The object that the address is for."), TablePrinter.Age],
        (obj, now) => [obj.Name(), Parent(obj), obj.Age(now)]);

    /// <summary>resource.group/namespace/name, without the parts that it does not have.</summary>
    private static string Parent(JsonElement address)
    {
        if (address.At("spec", "parentRef") is not { } parent) return Fields.None;
        var resource = parent.Text("group") is { Length: > 0 } group ? $"{parent.Text("resource")}.{group}" : parent.Text("resource");
        return string.Join('/', new[] { resource, parent.Text("namespace"), parent.Text("name") }.Where(part => part.Length > 0));
    }
}
